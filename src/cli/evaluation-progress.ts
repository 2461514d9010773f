/** The progress bar of a step of an evaluation. */
import cliProgress from 'cli-progress'

/** A bar that is not stopped redraws itself for ever, and the process never ends: it is stopped when the work fails, too. */
export async function withBar<Result>(
  name: string,
  total: number,
  work: (bar: cliProgress.SingleBar) => Promise<Result>,
): Promise<Result> {
  const bar = new cliProgress.SingleBar({
    format: `${name.padEnd(8)} {bar} {value}/{total}, {eta_formatted} left`,
    stream: process.stderr,
  })
  bar.start(total, 0)
  try {
    return await work(bar)
  } finally {
    bar.stop()
  }
}

/** The progress bar of a command, on standard error, if that is a terminal. */
import cliProgress from 'cli-progress'

/**
 * A bar that is not stopped redraws itself for ever, and the process never ends: it is stopped when the work fails, too,
 * and before anything is said about that.
 */
export async function withBar<Result>(
  format: string,
  total: number,
  work: (bar: cliProgress.SingleBar) => Promise<Result>,
): Promise<Result> {
  const bar = new cliProgress.SingleBar({
    format,
    stream: process.stderr,
    formatTime: timeLeft,
    // cuts lines itself: a terminal that a signal leaves without wrapping would stay so
    linewrap: true,
  })
  bar.start(total, 0, { rate: '–', left: '–' })
  try {
    return await work(bar)
  } finally {
    bar.stop()
  }
}

/** The library has words for a time that is not known yet, and cuts them off: `NFs`. */
const timeLeft: cliProgress.TimeFormatter = (seconds, options, multiple) =>
  Number.isFinite(Number(seconds)) ? cliProgress.Format.TimeFormat(seconds, options, multiple) : '–'

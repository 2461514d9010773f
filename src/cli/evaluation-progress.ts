/** The progress bar of a step of an evaluation. */
import type { SingleBar } from 'cli-progress'
import { progressBar } from './progress-bar.js'

export async function withBar<Result>(
  name: string,
  total: number,
  work: (bar: SingleBar) => Promise<Result>,
): Promise<Result> {
  const bar = progressBar(`${name.padEnd(8)} {bar} {value}/{total}, {eta_formatted} left`, total)
  try {
    return await work(bar)
  } finally {
    bar.stop()
  }
}

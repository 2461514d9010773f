/** The progress bar of a command, on standard error. */
import cliProgress from 'cli-progress'

/** A bar that is not stopped redraws itself for ever, and the process never ends: it is stopped when the work fails, too. */
export function progressBar(format: string, total: number): cliProgress.SingleBar {
  const bar = new cliProgress.SingleBar({ format, stream: process.stderr, formatTime: timeLeft })
  bar.start(total, 0, { rate: '–', left: '–' })
  return bar
}

/** The library has words for a time that is not known yet, and cuts them off: `NFs`. */
const timeLeft: cliProgress.TimeFormatter = (seconds, options, multiple) =>
  Number.isFinite(Number(seconds)) ? cliProgress.Format.TimeFormat(seconds, options, multiple) : '–'

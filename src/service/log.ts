/** The log of the process: lines of JSON on standard output, or for people at a terminal. */
import { type Logger, pino } from 'pino'
import { harmlessLine } from '../text.js'

export interface LogOptions {
  logLevel: string
  /** Called for each line that is dropped. */
  onLoss(): void
  /** File descriptor. Default: standard output. */
  to?: number | undefined
}

/** Lines that wait for a reader that has stalled; further ones are dropped, except fatal ones. */
const waitingMaxBytes = 8 * 2 ** 20
const fatal = `{"level":${pino.levels.values['fatal']},`

export function openLog({ logLevel, onLoss, to = process.stdout.fd }: LogOptions): Logger {
  const options = { level: logLevel, base: null }
  if (process.stdout.isTTY) return pino({ ...options, hooks: escaping('\\\\u'), transport: forPeople }) // which parses the line
  const lines = pino.destination({ dest: to, sync: false, maxLength: waitingMaxBytes })
  lines.on('drop', (line: string) => {
    if (!line.startsWith(fatal)) return onLoss()
    lines.flushSync() // waits for the reader, as after every fatal line
    lines.write(line)
  })
  return pino({ ...options, hooks: escaping('\\u') }, lines)
}

const escaping = (prefix: string) => ({ streamWrite: (line: string) => harmlessLine(line, prefix) })

const forPeople = { target: 'pino-pretty', options: { translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname' } }

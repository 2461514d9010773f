/** Destination of the audit log: marked lines in the service's log, or a separate file. */
import { openSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Logger, pino } from 'pino'
import { makeFolder } from '../durable-files.js'
import { AlikeError } from '../errors.js'
import { harmlessLine } from '../text.js'

export interface AuditLog {
  write(entry: object): void
  /** Writes what is waiting, as far as the disk takes it, and closes the file. */
  close(): Promise<void>
}

/** Lines that wait for the disk; further ones are lost. */
const waitingMaxBytes = 8 * 2 ** 20

/**
 * @param target `log`, or a path; empty: no audit log
 * @param onLoss called for a line that could not be written
 * @throws AlikeError `config_invalid` if the file cannot be opened
 */
export async function openAuditLog(
  target: string,
  logger: Logger,
  onLoss: (error: Error) => void,
): Promise<AuditLog | undefined> {
  if (target === '') return undefined
  if (target === 'log') {
    const marked = logger.child({ audit: true })
    return { write: (entry) => marked.info(entry, 'audit'), close: async () => undefined }
  }
  const file = pino.destination({ dest: await openedFile(target), sync: false, maxLength: waitingMaxBytes })
  file.on('error', onLoss)
  file.on('drop', () => onLoss(new Error('too many lines are waiting for the disk')))
  const lines = pino(
    {
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'event',
      hooks: { streamWrite: (line) => harmlessLine(line) },
    },
    file,
  )
  return {
    write: (entry) => lines.info(entry),
    close: () =>
      new Promise((resolve) => {
        file.once('close', () => resolve())
        // a full disk would be asked for ever
        file.once('error', () => file.destroy())
        file.end()
      }),
  }
}

/** Opened at the start, so that a log that cannot be written does not go unnoticed. */
async function openedFile(path: string): Promise<number> {
  try {
    await makeFolder(dirname(path), 0o700) // it may be the data folder, or in it
    return openSync(path, 'a', 0o600)
  } catch (cause) {
    throw new AlikeError('config_invalid', {
      detail: `AUDIT_LOG: the file cannot be opened (${(cause as NodeJS.ErrnoException).code}).`,
      cause,
    })
  }
}

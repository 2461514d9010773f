/** Destination of the audit log: marked lines in the service's log, or a separate file. */
import { type Logger, pino } from 'pino'

export interface AuditLog {
  write(entry: object): void
  /** Flushes buffered entries and closes the file. */
  close(): void
}

/**
 * @param target `log`, or a path; empty: no audit log
 * @param onLoss called for a line that could not be written
 */
export function openAuditLog(target: string, logger: Logger, onLoss: (error: Error) => void): AuditLog | undefined {
  if (target === '') return undefined
  if (target === 'log') {
    const marked = logger.child({ audit: true })
    return { write: (entry) => marked.info(entry, 'audit'), close: () => undefined }
  }
  const file = pino.destination({ dest: target, append: true, mkdir: true, sync: false, mode: 0o600 })
  file.on('error', onLoss)
  const lines = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'event' }, file)
  return {
    write: (entry) => lines.info(entry),
    close() {
      file.flushSync()
      file.end()
    },
  }
}

/** The log as used by HTTP and its plugins: some of them log headers, and a key is one of these. */
import { type FastifyBaseLogger, LogController } from 'fastify'

/** Where logged objects contain them: headers, and the raw bytes that the parser adds to its errors. */
const secret = ['headers', '*.headers', '*.rawPacket']

/** Options of an app whose only log line for a request is that of `measureRequests`. */
export function requestLogging(logger: FastifyBaseLogger) {
  return {
    loggerInstance: withoutSecrets(logger),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
  }
}

function withoutSecrets(logger: FastifyBaseLogger): FastifyBaseLogger {
  return logger.child({}, { redact: { paths: secret, remove: true } })
}

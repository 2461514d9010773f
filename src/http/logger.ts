/** The log as used by HTTP and its plugins: some of them log headers, and a key is one of these. */
import type { FastifyBaseLogger } from 'fastify'

/** Where logged objects contain them: headers, and the raw bytes that the parser adds to its errors. */
const secret = ['headers', '*.headers', '*.rawPacket']

export function withoutSecrets(logger: FastifyBaseLogger): FastifyBaseLogger {
  return logger.child({}, { redact: { paths: secret, remove: true } })
}

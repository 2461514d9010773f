/** The log as far as HTTP and its plugins write into it: some of them show headers, and a key is one. */
import type { FastifyBaseLogger } from 'fastify'

/** Wherever a logged object has them: headers, and the raw bytes that the parser adds to its errors. */
const secret = ['headers', '*.headers', '*.rawPacket']

export function withoutSecrets(logger: FastifyBaseLogger): FastifyBaseLogger {
  return logger.child({}, { redact: { paths: secret, remove: true } })
}

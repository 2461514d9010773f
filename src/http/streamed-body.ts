/**
 * Passes a body on to a consumer that may fail. Node destroys a request on which a pipeline or a loop fails and takes its
 * socket from it: then the rest of the body cannot be read, and nobody learns the client's address.
 */
import type { IncomingMessage } from 'node:http'
import { PassThrough, type Readable } from 'node:stream'

export function streamedBody(request: IncomingMessage): Readable {
  const body = new PassThrough()
  body.on('error', () => {}) // a client may go away before anybody reads
  request.on('error', (error) => body.destroy(error))
  return request.pipe(body)
}

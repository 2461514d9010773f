/**
 * Passes a body on to a consumer that may fail. Node destroys a request on which a pipeline or a loop fails and takes its
 * socket from it: then the rest of the body cannot be read, and nobody learns the client's address.
 */
import type { IncomingMessage } from 'node:http'
import { finished, PassThrough, type Readable } from 'node:stream'

/** Fails if the client leaves, also if it has left already, as while its token was checked. */
export function streamedBody(request: IncomingMessage): Readable {
  const body = new PassThrough()
  body.on('error', () => {}) // a client may leave before anybody reads
  finished(request, (error) => {
    if (error) body.destroy(error)
  })
  return request.pipe(body)
}

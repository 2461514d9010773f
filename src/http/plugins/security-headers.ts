/** Headers that keep a browser from doing more with our answers than it should. */
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/** @param embeddable pages of other origins may embed our pictures */
export function sendSecurityHeaders(app: FastifyInstance, { embeddable }: { embeddable: boolean }): void {
  // not by its Fastify plugin, which puts the headers together anew for every request: 14 µs of the main thread
  const setHeaders = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      // The reference page (/docs) brings its own scripts and styles; everything else is data.
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        fontSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Plain HTTP in a private network is a normal way to run this; a proxy with TLS sets the header itself.
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
    crossOriginResourcePolicy: { policy: embeddable ? 'cross-origin' : 'same-origin' },
  })
  app.addHook('onRequest', (request, reply, next) => setHeaders(request.raw, reply.raw, () => next()))
}

/** Headers that keep a browser from doing more with our answers than it should. */
import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'

/** @param embeddable pages of other origins may embed our pictures */
export async function sendSecurityHeaders(
  app: FastifyInstance,
  { embeddable }: { embeddable: boolean },
): Promise<void> {
  await app.register(helmet, {
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
}

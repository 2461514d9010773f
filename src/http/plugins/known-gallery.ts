/** Refuses requests below a gallery that does not exist. */
import type { FastifyInstance } from 'fastify'
import type { Galleries } from '../../gallery/galleries.js'

/** Checked before a body of many megabytes is read. Routes without a gallery in their path pass. */
export function refuseUnknownGallery(scope: FastifyInstance, galleries: Galleries): void {
  scope.addHook('onRequest', async (request) => {
    const { gallery } = request.params as { gallery?: string }
    if (gallery !== undefined) await galleries.sets.serving(gallery)
  })
}

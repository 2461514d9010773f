/** `GET /v1/gallery-options`: what a dialog for creating, changing or moving a gallery needs to know. */
import type { Config } from '../../config/config.js'
import type { Galleries } from '../../gallery/galleries.js'
import { GalleryOptions } from '../schemas/gallery-options.js'
import { reference } from '../schemas/named.js'
import type { Routes } from '../typed-app.js'

export interface GalleryOptionsRouteOptions {
  galleries: Pick<Galleries, 'offeredEngines' | 'engineOfNew'>
  config: Pick<Config, 'originals' | 'keptQueriesDays' | 'setKeptDays'>
}

export const galleryOptionsRoutes: Routes<GalleryOptionsRouteOptions> = async (
  app,
  { galleries, config: { originals, keptQueriesDays, setKeptDays } },
) => {
  app.get(
    '/v1/gallery-options',
    {
      config: { role: 'read', galleries: 'none' },
      schema: {
        operationId: 'getGalleryOptions',
        tags: ['galleries'],
        summary: 'Get the engines and defaults for galleries',
        response: {
          200: { description: 'Engines, and what galleries get that do not state it.', ...reference(GalleryOptions) },
        },
      },
    },
    async () => ({
      engines: galleries.offeredEngines.map(({ name, takesWishes }) => ({ name, distributed: takesWishes })),
      engine: galleries.engineOfNew,
      originals,
      keptQueriesDays,
      setKeptDays,
    }),
  )
}

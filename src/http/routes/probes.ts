/** Probes for orchestrators: alive? ready? Never authenticated. */
import { Type } from 'typebox'
import type { ServedModels } from '../../embedding/served-models.js'
import { AlikeError } from '../../errors.js'
import type { Galleries } from '../../gallery/galleries.js'
import { problems } from '../schemas/problem.js'
import type { Routes } from '../typed-app.js'

export interface ProbeRouteOptions {
  models: Pick<ServedModels, 'standard'>
  galleries: Galleries
}

const Status = Type.Object({ status: Type.Literal('ok') })
const Readiness = Type.Object({
  status: Type.Literal('ok'),
  storage: Type.Union([Type.Literal('writable'), Type.Literal('read_only')], {
    description:
      '`read_only`: the disk was full at the start, or is so full that only deletions are accepted. Searches and reads are answered; other writes are refused with `storage_full` until there is space.',
  }),
  detail: Type.Optional(Type.String({ description: 'Why it is read-only.' })),
  unreachable: Type.Optional(
    Type.Array(Type.Object({ engine: Type.String(), detail: Type.String() }), {
      description:
        'Engines that are unavailable, and why: their galleries get `engine_unreachable`, the others are served.',
    }),
  ),
})

export const probeRoutes: Routes<ProbeRouteOptions> = async (app, { models, galleries }) => {
  const tags = ['operations']

  app.get(
    '/livez',
    {
      config: { role: 'open' },
      schema: {
        operationId: 'isAlive',
        tags,
        summary: 'Is the process alive?',
        response: { 200: { description: 'Yes.', ...Status }, ...problems(503) },
      },
    },
    async () => {
      // A dead thread that galleries depend on does not come back; only a restart helps.
      if (galleries.failure !== undefined) throw new AlikeError('not_ready', { detail: galleries.failure.message })
      return { status: 'ok' as const }
    },
  )

  app.get(
    '/readyz',
    {
      config: { role: 'open' },
      schema: {
        operationId: 'isReady',
        tags,
        summary: 'Is the service ready?',
        response: {
          200: { description: 'Yes; `storage` says whether writes are accepted, too.', ...Readiness },
          ...problems(503),
        },
      },
    },
    async () => {
      if (galleries.failure !== undefined) throw new AlikeError('not_ready', { detail: galleries.failure.message })
      if (models.standard.liveWorkers === 0)
        throw new AlikeError('not_ready', { detail: 'No embedding worker is running.' })
      const { readOnly, unreachable } = galleries
      const away = unreachable.length > 0 ? { unreachable } : {}
      if (readOnly === undefined) return { status: 'ok' as const, storage: 'writable' as const, ...away }
      return { status: 'ok' as const, storage: 'read_only' as const, detail: readOnly, ...away }
    },
  )
}

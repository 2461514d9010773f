/** The Weaviate engine with a real server, as the suites of `test/gallery/` test it. */
import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import type { EmbeddingSet } from '../../../src/gallery/engine.js'
import { model } from '../../gallery/stored-images.js'
import type { TestedEngine } from '../../gallery/tested-engine.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { sharedWeaviate } from '../../support/weaviate-server.js'
import { jobsOf, layout, openWeaviateGalleries } from './weaviate-galleries.js'

/** Searches that keep few candidates; a graph with fewer links would miss other pictures after every addition. */
const poorIndex = { ef: 10, exactBelow: 100 }

export const weaviate: TestedEngine = {
  name: 'weaviate',
  keepsJudgements: true,
  losesReplaced: true,
  keptLossMax: 3,
  pagedQueriesMax: 3,
  newPlace: (t) => temporaryFolder(t, 'alike-data-'),
  open: async (t, dataDir, { poorIndex: isPoor = false, ...options } = {}) =>
    openWeaviateGalleries(t, {
      dataDir,
      server: (await sharedWeaviate()).settings,
      ...options,
      ...(isPoor && { tuning: poorIndex }),
    }),
  settled: async () => {},
  jobsOf,
  async openSet(t) {
    const { settings: server } = await sharedWeaviate()
    const engine = await openWeaviate({ server, layout, logger: pino({ level: 'silent' }) })
    t.after(() => engine.close())
    const uid = randomBytes(8).toString('hex')
    const set: EmbeddingSet = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' }
    await engine.prepare(set, {}, false)
    return { engine, set, opened: await engine.open(set), settled: async () => {} }
  },
}

/** The Weaviate engine fulfils what `test/gallery/` requires of every engine, with a real server. */
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { pino } from 'pino'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import type { EmbeddingSet } from '../../../src/gallery/engine.js'
import { gallerySuite } from '../../gallery/galleries-suite.js'
import { graphSequencesSuite } from '../../gallery/graph-sequences-suite.js'
import { interleavedCallsSuite } from '../../gallery/interleaved-calls-suite.js'
import { pagingSuite } from '../../gallery/paging-suite.js'
import { randomSequencesSuite } from '../../gallery/random-sequences-suite.js'
import { removalSuite } from '../../gallery/removal-suite.js'
import { setSuite } from '../../gallery/set-suite.js'
import { shapesSuite } from '../../gallery/shaped-searches-suite.js'
import { model } from '../../gallery/stored-images.js'
import type { TestedEngine } from '../../gallery/tested-engine.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { sharedWeaviate, skipWithoutWeaviate } from '../../support/weaviate-server.js'
import { layout, openWeaviateGalleries } from './weaviate-galleries.js'

/** Searches that keep few candidates; a graph with fewer links would miss other pictures after every addition. */
const poorIndex = { ef: 10, exactBelow: 100 }

const weaviate: TestedEngine = {
  name: 'weaviate',
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

if (skipWithoutWeaviate) {
  test('the contract of galleries holds with a real server', { skip: skipWithoutWeaviate }, () => {})
} else {
  setSuite(weaviate)
  gallerySuite(weaviate)
  removalSuite(weaviate)
  graphSequencesSuite(weaviate, 1)
  interleavedCallsSuite(weaviate, 5)
  randomSequencesSuite(weaviate, 3)
  shapesSuite(weaviate)
  pagingSuite(weaviate)
}

/** The embedded engine, as the suites of `test/gallery/` test it. */
import { pino } from 'pino'
import { openEmbedded } from '../../../src/engines/embedded/embedded-engine.js'
import type { EmbeddingSet } from '../../../src/gallery/engine.js'
import { newEntry } from '../../gallery/new-entry.js'
import type { TestedEngine } from '../../gallery/tested-engine.js'
import { until } from '../../support/until.js'
import { jobsOf } from './embedded-galleries.js'
import { frozenCopy } from './frozen-copy.js'
import { dataFolder, index, openIn, settled } from './storage-folder.js'

/** A graph with few links. */
const poorIndex = { m: 4, efConstruction: 16, ef: 10, exactBelow: 100 }

export const embedded: TestedEngine = {
  name: 'embedded',
  keepsJudgements: false,
  losesReplaced: false,
  keptLossMax: 0,
  pagedQueriesMax: 60,
  newPlace: dataFolder,
  open: (t, place, { poorIndex: isPoor = false, ...options } = {}) =>
    openIn(t, place, {
      ...options,
      ...(isPoor && { index: poorIndex }),
    }),
  settled,
  jobsOf,
  async placeAfterKill(t, place) {
    const copy = await dataFolder(t)
    await frozenCopy(place, copy)
    return copy
  },
  async openSet(t) {
    const engine = await openEmbedded({ dataDir: await dataFolder(t), index, logger: pino({ level: 'silent' }) })
    t.after(() => engine.close())
    const { gallery } = await engine.catalogue.create(newEntry())
    const set: EmbeddingSet = { ...gallery.set, state: 'ready' }
    const opened = await engine.open(set)
    return {
      engine,
      set,
      opened,
      async settled() {
        await until(async () => {
          await engine.saveGraphCaches() // refreshes the state
          const { pending, building } = await opened.state()
          return pending === 0 && !building
        }, 'an index that is built')
      },
    }
  },
}

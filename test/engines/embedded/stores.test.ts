/** The catalogue and its sibling stores in the embedded engine's database: the common contract. */
import { pino } from 'pino'
import { openEmbedded } from '../../../src/engines/embedded/embedded-engine.js'
import { sharedStoresSuite } from '../../gallery/shared-stores-suite.js'
import { dataFolder } from './storage-folder.js'

sharedStoresSuite({
  newPlace: dataFolder,
  async open(t, dataDir) {
    const storage = { feedbackMax: 4, decisionsMax: 3 }
    const engine = await openEmbedded({ dataDir, storage, logger: pino({ level: 'silent' }) })
    t.after(() => engine.close())
    return engine
  },
})

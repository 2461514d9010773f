/** The Weaviate engine fulfils what `test/gallery/` requires of every engine, with a real server. */
import { test } from 'node:test'
import { fittingChangesSuite } from '../../gallery/fitting-changes-suite.js'
import { gallerySuite } from '../../gallery/galleries-suite.js'
import { graphSequencesSuite } from '../../gallery/graph-sequences-suite.js'
import { interleavedCallsSuite } from '../../gallery/interleaved-calls-suite.js'
import { limitedGalleriesSuite } from '../../gallery/limited-galleries-suite.js'
import { pagingSuite } from '../../gallery/paging-suite.js'
import { randomSequencesSuite } from '../../gallery/random-sequences-suite.js'
import { removalSuite } from '../../gallery/removal-suite.js'
import { moveSequencesSuite, setSequencesSuite } from '../../gallery/set-sequences-suite.js'
import { setSuite } from '../../gallery/set-suite.js'
import { shapesSuite } from '../../gallery/shaped-searches-suite.js'
import { skipWithoutWeaviate } from '../../support/weaviate-server.js'
import { weaviate } from './tested-weaviate.js'

if (skipWithoutWeaviate) {
  test('the contract of galleries holds with a real server', { skip: skipWithoutWeaviate }, () => {})
} else {
  setSuite(weaviate)
  gallerySuite(weaviate)
  removalSuite(weaviate)
  fittingChangesSuite(weaviate)
  graphSequencesSuite(weaviate, 1)
  interleavedCallsSuite(weaviate, 5)
  randomSequencesSuite(weaviate, 3)
  setSequencesSuite(weaviate, 2)
  moveSequencesSuite(weaviate, 2)
  shapesSuite(weaviate)
  pagingSuite(weaviate)
  limitedGalleriesSuite(weaviate)
}

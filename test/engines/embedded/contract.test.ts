/** The embedded engine fulfils what `test/gallery/` requires of every engine. */
import { fittingChangesSuite } from '../../gallery/fitting-changes-suite.js'
import { gallerySuite } from '../../gallery/galleries-suite.js'
import { graphSequencesSuite } from '../../gallery/graph-sequences-suite.js'
import { interleavedCallsSuite } from '../../gallery/interleaved-calls-suite.js'
import { limitedGalleriesSuite } from '../../gallery/limited-galleries-suite.js'
import { pagingSuite } from '../../gallery/paging-suite.js'
import { randomSequencesSuite } from '../../gallery/random-sequences-suite.js'
import { removalSuite } from '../../gallery/removal-suite.js'
import { setSequencesSuite } from '../../gallery/set-sequences-suite.js'
import { setSuite } from '../../gallery/set-suite.js'
import { shapesSuite } from '../../gallery/shaped-searches-suite.js'
import { embedded } from './tested-embedded.js'

setSuite(embedded)
gallerySuite(embedded)
removalSuite(embedded)
fittingChangesSuite(embedded)
graphSequencesSuite(embedded, 4)
interleavedCallsSuite(embedded, 40)
randomSequencesSuite(embedded, 25)
setSequencesSuite(embedded, 8)
shapesSuite(embedded)
pagingSuite(embedded)
limitedGalleriesSuite(embedded)

/** The catalogue and its sibling stores in PostgreSQL: the common contract. */
import { sharedStoresSuite } from '../gallery/shared-stores-suite.js'
import { newDatabase, openStores } from './shared-stores.js'

sharedStoresSuite({ newPlace: newDatabase, open: openStores })

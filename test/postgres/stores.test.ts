/** The catalogue and the stores beside it in PostgreSQL: as in every store. */
import { sharedStoresSuite } from '../gallery/shared-stores-suite.js'
import { newDatabase, openStores } from './shared-stores.js'

sharedStoresSuite({ newPlace: newDatabase, open: openStores })

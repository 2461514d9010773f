/** Jobs in PostgreSQL: the common contract. */
import { jobStoreSuite } from '../jobs/job-store-suite.js'
import { newDatabase, openStores } from './shared-stores.js'

jobStoreSuite({ newPlace: newDatabase, open: openStores })

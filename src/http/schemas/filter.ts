/** Filters in the document; requests leave their check to `readFilter`. */
import { FilterJson } from '../../gallery/filter.js'
import { named } from './named.js'

export const Filter = named('Filter', FilterJson.$defs.Filter)

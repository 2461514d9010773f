/** Filters in the OpenAPI document; `readFilter` validates them in requests. */
import { FilterJson } from '../../gallery/filter.js'
import { named } from './named.js'

export const Filter = named('Filter', FilterJson.$defs.Filter)

/** What a filter says of ids, which the database looks up in an index. */
import { type Condition, conjuncts, type Filter } from '../../../../gallery/filter.js'

/** Conditions on the id that every match meets. */
export function idConditions(filter: Filter): Condition[] {
  return conjuncts(filter).flatMap((part) => ('field' in part && part.field === 'id' ? [part] : []))
}

/** Whether the ids of all matches are listed: they are looked up, and no other record is read. */
export function listsIds(filter: Filter): boolean {
  return idConditions(filter).some((condition) => 'in' in condition)
}

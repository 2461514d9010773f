/** The filter of a request: by `label`, by `filter` as JSON or text, or by both. */
import { bodyBounds, readJson } from '../bounded-json.js'
import { AlikeError } from '../errors.js'
import { type Filter, readFilter } from '../gallery/filter.js'

export interface GivenFilter {
  /** Labels of which a picture must have one; an empty text means no label. */
  label?: string | string[] | undefined
  filter?: unknown
}

/**
 * `label` is the most frequent filter and has a short form.
 * @returns undefined if neither is given
 * @throws AlikeError `filter_invalid`
 */
export function filterOf({ label, filter }: GivenFilter): Filter | undefined {
  const labels: Filter[] =
    label === undefined ? [] : [{ field: 'label', in: [label].flat().map((name) => (name === '' ? null : name)) }]
  const all =
    filter === undefined ? labels : [...labels, readFilter(typeof filter === 'string' ? parsed(filter) : filter)]
  return all.length > 1 ? { and: all } : all[0]
}

function parsed(text: string): unknown {
  const read = readJson(text, bodyBounds)
  if ('misfit' in read) throw new AlikeError('filter_invalid', { detail: `It ${read.misfit}.` })
  return read.value
}

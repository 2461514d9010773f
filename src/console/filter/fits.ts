/** Whether a picture fits a draft of a filter, as the service would say: for lists that the service gives unfiltered. Pure. */
import { type Condition, type FilterDraft, isComplete, typedValue } from './filter.js'

export interface Labelled {
  label: string | null
  metadata: Record<string, unknown>
}

export function fits({ combine, conditions }: FilterDraft, picture: Labelled): boolean {
  const complete = conditions.filter(isComplete)
  if (complete.length === 0) return true
  return combine === 'and' ? complete.every((one) => holds(one, picture)) : complete.some((one) => holds(one, picture))
}

function holds({ field, comparison, text }: Condition, picture: Labelled): boolean {
  const value = field === 'label' ? (picture.label ?? undefined) : placeIn(picture.metadata, field)
  if (comparison === 'exists') return value !== undefined
  if (comparison === 'missing') return value === undefined
  const wanted = (comparison === 'in' ? text.split(',') : [text]).map((one) =>
    field === 'label' ? one.trim() : typedValue(one),
  )
  // of a list one element has to fit
  return (Array.isArray(value) ? value : [value]).some((one) =>
    wanted.some((bound) => {
      if (typeof one !== typeof bound) return false
      if (comparison === 'gte') return (one as string) >= (bound as string)
      return comparison === 'lte' ? (one as string) <= (bound as string) : one === bound
    }),
  )
}

function placeIn(metadata: Record<string, unknown>, field: string): unknown {
  let value: unknown = metadata
  for (const name of field.split('.').slice(1))
    value =
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined
  return value
}

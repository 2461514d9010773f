/**
 * Which images a filter matches and the values of a field, by plain loops as docs/search.md describes them. Nothing of the
 * service is used, so that an error of its own shows.
 */
import type { Filter, Range, Scalar } from '../../../src/gallery/filter.js'
import type { JsonValue, Metadata } from '../../../src/gallery/metadata.js'

export interface Described {
  id: string
  label: string | null
  metadata: Metadata
}

export function matches(image: Described, filter: Filter): boolean {
  if ('and' in filter) return !filter.and.some((part) => !matches(image, part))
  if ('or' in filter) return filter.or.some((part) => matches(image, part))
  if ('not' in filter) return !matches(image, filter.not)
  const { field } = filter
  const isText = field === 'id' || field === 'label'
  const value = isText ? (image[field] ?? undefined) : valueAt(image.metadata, field)
  if ('exists' in filter) return (value !== undefined) === filter.exists
  const elements = elementsOf(value)
  // an id or a label is text in one Unicode form, whatever it is compared with
  const asked = <Value extends Scalar>(one: Value) => (isText && one !== null ? String(one).normalize('NFC') : one)
  if ('range' in filter) {
    const bounds = Object.entries(filter.range).map(([kind, bound]) => [kind, asked(bound)] as const)
    return elements.some((element) => bounds.every(([kind, bound]) => isWithin(element, kind as keyof Range, bound)))
  }
  if (isText && value === undefined) return filter.in.includes(null)
  return elements.some((element) => filter.in.some((one) => asked(one) === element))
}

/** The values that an image is grouped by, each once: texts, numbers and booleans. */
export function groupValues({ label, metadata }: Described, field: string): (string | number | boolean)[] {
  const elements = elementsOf(field === 'label' ? label : valueAt(metadata, field))
  return [...new Set(elements.filter((element) => element !== null && typeof element !== 'object'))]
}

/** Whether the field is one of the image's: an object is none itself, but its members are. */
export function hasField({ label, metadata }: Described, field: string): boolean {
  const value = field === 'label' ? (label ?? undefined) : valueAt(metadata, field)
  return value !== undefined && (typeof value !== 'object' || value === null || Array.isArray(value))
}

/** In UTF-8 order, which is that of code points. */
export function inTextOrder(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  for (let i = 0; i < Math.min(left.length, right.length); i++)
    if (left[i] !== right[i]) return left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!
  return left.length - right.length
}

/** Those of a list, or the value alone; an object has none. */
function elementsOf(value: JsonValue | undefined): (string | number | boolean | null | JsonValue)[] {
  if (Array.isArray(value)) return value
  return value === undefined || (typeof value === 'object' && value !== null) ? [] : [value]
}

function valueAt(metadata: Metadata, field: string): JsonValue | undefined {
  let place: JsonValue | undefined = metadata
  for (const name of field.slice('metadata.'.length).split('.')) {
    if (place === null || typeof place !== 'object' || Array.isArray(place) || !Object.hasOwn(place, name))
      return undefined
    place = place[name]
  }
  return place
}

/** Numbers are compared with numbers, and texts with texts. */
function isWithin(element: JsonValue, kind: keyof Range, bound: string | number): boolean {
  let order: number
  if (typeof element === 'number' && typeof bound === 'number') order = element < bound ? -1 : element > bound ? 1 : 0
  else if (typeof element === 'string' && typeof bound === 'string') order = inTextOrder(element, bound)
  else return false
  return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[kind]
}

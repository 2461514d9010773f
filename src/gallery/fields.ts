/** Which fields the images of a gallery have, with the types and common values of each, counted over their records. Pure. */
import type { JsonValue } from './metadata.js'
import type { ImageRecord } from './records.js'

export const fieldTypes = ['text', 'number', 'boolean', 'null'] as const
export type FieldType = (typeof fieldTypes)[number]
export type FieldValue = string | number | boolean

export interface Field {
  /** Name as used in filters. */
  name: string
  /** Types of its values; for a list, of its elements. */
  types: FieldType[]
  /** Examined images with this field. */
  images: number
  /** The most frequent first. */
  values: { value: FieldValue; images: number }[]
  /** There are further values, or values too long to show. */
  moreValues: boolean
  /** Smallest and largest number seen. */
  range?: [number, number]
}

export interface GalleryFields {
  /** Images whose records were counted. */
  examined: number
  /** By name: `label` comes first. */
  fields: Field[]
  /** There are further fields. */
  moreFields: boolean
}

/** Limits on what is counted and returned. */
export const fieldBounds = Object.freeze({
  /** Number of images examined, evenly spread over the gallery. */
  images: 5_000,
  /** Characters of their metadata. */
  length: 8 * 2 ** 20,
  fields: 200,
  values: 50,
  /** Distinct values counted per field; the first ones are kept. */
  counted: 1_000,
  /** Characters of a value. */
  valueLength: 200,
})

interface Counted {
  types: Set<FieldType>
  images: number
  values: Map<FieldValue, number>
  moreValues: boolean
  range: [number, number] | undefined
}

/** What `fieldPattern` allows in a name. */
const namePattern = /^[^."\\]{1,64}$/
const depthMax = 8

export class FieldCounts {
  #examined = 0
  #moreFields = false
  readonly #fields = new Map<string, Counted>()

  add({ label, metadata }: Pick<ImageRecord, 'label' | 'metadata'>): void {
    this.#examined++
    if (label !== null) this.#count('label', [label])
    this.#walk('metadata', metadata, 0)
  }

  result(): GalleryFields {
    const fields = [...this.#fields].map(([name, counted]) => fieldOf(name, counted))
    fields.sort((a, b) => (a.name < b.name ? -1 : 1))
    return { examined: this.#examined, fields, moreFields: this.#moreFields }
  }

  #walk(place: string, members: Readonly<Record<string, JsonValue>>, depth: number): void {
    for (const [key, value] of Object.entries(members)) {
      if (!namePattern.test(key)) continue
      const name = `${place}.${key}`
      if (isMembers(value)) {
        if (depth + 1 < depthMax) this.#walk(name, value, depth + 1)
      } else this.#count(name, Array.isArray(value) ? value : [value])
    }
  }

  /** @param values of one image */
  #count(name: string, values: readonly JsonValue[]): void {
    const counted = this.#counted(name)
    if (counted === undefined) return
    counted.images++
    for (const value of new Set(values)) {
      if (typeof value === 'object' && value !== null) continue
      counted.types.add(typeOf(value))
      if (value === null) continue
      if (typeof value === 'number') counted.range = widened(counted.range, value)
      if (isCounted(counted, value)) counted.values.set(value, (counted.values.get(value) ?? 0) + 1)
      else counted.moreValues = true
    }
  }

  #counted(name: string): Counted | undefined {
    const known = this.#fields.get(name)
    if (known !== undefined) return known
    if (this.#fields.size >= fieldBounds.fields) {
      this.#moreFields = true
      return undefined
    }
    const counted: Counted = { types: new Set(), images: 0, values: new Map(), moreValues: false, range: undefined }
    this.#fields.set(name, counted)
    return counted
  }
}

function isCounted({ values }: Counted, value: FieldValue): boolean {
  if (typeof value === 'string' && value.length > fieldBounds.valueLength) return false
  return values.has(value) || values.size < fieldBounds.counted
}

function fieldOf(name: string, { types, images, values, moreValues, range }: Counted): Field {
  const frequent = [...values]
    .sort(([a, ofA], [b, ofB]) => ofB - ofA || compared(a, b))
    .slice(0, fieldBounds.values)
    .map(([value, images]) => ({ value, images }))
  return {
    name,
    types: fieldTypes.filter((type) => types.has(type)),
    images,
    values: frequent,
    moreValues: moreValues || values.size > frequent.length,
    ...(range && { range }),
  }
}

function compared(a: FieldValue, b: FieldValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return String(a) < String(b) ? -1 : 1
}

function widened(range: [number, number] | undefined, value: number): [number, number] {
  return range === undefined ? [value, value] : [Math.min(range[0], value), Math.max(range[1], value)]
}

function typeOf(value: FieldValue | null): FieldType {
  if (value === null) return 'null'
  return typeof value === 'string' ? 'text' : (typeof value as 'number' | 'boolean')
}

function isMembers(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Which fields a gallery's pictures have, and what values are seen in them: told by a sample of their records. Pure. */

export interface Field {
  /** `label`, or a place in the metadata as a filter names it. */
  name: string
  /** Some that occur, the most frequent first. */
  values: string[]
}

interface Labelled {
  label: string | null
  metadata: Record<string, unknown>
}

const valuesMax = 50
const depthMax = 8

export function fieldsOf(images: readonly Labelled[]): Field[] {
  const seen = new Map<string, Map<string, number>>()
  const count = (name: string, value: unknown): void => {
    const values = seen.get(name) ?? new Map<string, number>()
    seen.set(name, values)
    const text = String(value)
    values.set(text, (values.get(text) ?? 0) + 1)
  }
  const walk = (name: string, value: unknown, depth: number): void => {
    if (Array.isArray(value)) for (const one of value) walk(name, one, depth)
    else if (typeof value !== 'object') count(name, value)
    else if (value !== null && depth < depthMax)
      for (const [key, inner] of Object.entries(value)) if (isName(key)) walk(`${name}.${key}`, inner, depth + 1)
  }
  for (const { label, metadata } of images) {
    if (label !== null) count('label', label)
    walk('metadata', metadata, 0)
  }
  return [...seen]
    .map(([name, values]) => ({ name, values: [...values].sort(([, a], [, b]) => b - a).map(([value]) => value) }))
    .map(({ name, values }) => ({ name, values: values.slice(0, valuesMax) }))
    .sort((a, b) => Number(b.name === 'label') - Number(a.name === 'label') || a.name.localeCompare(b.name))
}

/** What the path of a field cannot hold is not offered. */
function isName(key: string): boolean {
  return /^[^."\\]{1,64}$/.test(key)
}

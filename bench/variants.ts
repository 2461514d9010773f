/** Configurations of the service that one run of a bench compares. */

export interface Variant {
  name: string
  /** Environment variables in addition to the bench's own. */
  settings: Record<string, string>
}

export interface VariantOptions {
  /** `1,4,16,64;16`: values for `CUDA_BATCH_SIZES`, separated by semicolons. */
  batchSizes?: string | undefined
  /** `1,2,4`: values for `EMBED_WORKERS`. */
  workers?: string | undefined
  /** `name:KEY=VALUE,KEY=VALUE`; a value may contain commas. */
  variants: readonly string[]
}

/** Every list with every number of workers, then the named variants; if there are none, the service as configured. */
export function variantsOf({ batchSizes, workers, variants }: VariantOptions): Variant[] {
  const lists = batchSizes?.split(';').map((list) => list.trim()) ?? []
  const numbers = workers?.split(',').map((number) => number.trim()) ?? []
  const crossed: Variant[] = (lists.length > 0 ? lists : [undefined]).flatMap((list) =>
    (numbers.length > 0 ? numbers : [undefined]).map((number) => ({
      name:
        [list !== undefined && `sizes ${list}`, number !== undefined && `${number} workers`]
          .filter(Boolean)
          .join(', ') || 'as configured',
      settings: {
        ...(list !== undefined && { CUDA_BATCH_SIZES: list }),
        ...(number !== undefined && { EMBED_WORKERS: number }),
      },
    })),
  )
  const named = variants.map(parseVariant)
  return named.length > 0 && lists.length + numbers.length === 0 ? named : [...crossed, ...named]
}

/** @throws Error if the text is malformed */
export function parseVariant(text: string): Variant {
  const [, name, list] = /^([^:]+):(.*)$/s.exec(text) ?? []
  const pairs = (list ?? '').split(/,(?=[A-Z][A-Z0-9_]*=)/).filter((pair) => pair !== '')
  if (name === undefined || !pairs.every((pair) => /^[A-Z][A-Z0-9_]*=/.test(pair)))
    throw new Error(`"${text}" is not name:KEY=VALUE,KEY=VALUE`)
  return {
    name,
    settings: Object.fromEntries(
      pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    ),
  }
}

/** Embeddings as they are sent and shown: numbers, or base64. */
import { Type } from 'typebox'
import { embeddingDimensionMax } from '../../embedding/model-manifest.js'

/** Of the longest vector in single precision. */
export const vectorMaxBytes = Float32Array.BYTES_PER_ELEMENT * embeddingDimensionMax

const formats = ['numbers', 'base64'] as const
export type VectorFormat = (typeof formats)[number]
export type JsonVector = number[] | string

/** For every request whose answer can have a vector. */
export const vectorFormat = {
  vectorFormat: Type.Optional(
    Type.Enum([...formats], {
      type: 'string',
      default: 'numbers',
      description:
        'How vectors in the answer are written: as JSON numbers, or as base64 of the same numbers in single precision (float32, little-endian), which takes less than half of the bytes and is written and read several times as fast.',
    }),
  ),
}

const numbers = { items: { type: 'number' } } as const
const either = 'Numbers, or base64 if `vectorFormat` says so.'

/**
 * Types in a list instead of alternatives: a misfit is then reported once, for the type that was sent, and the numbers of
 * a vector that is too long are not examined.
 */
export const givenVector = Type.Unsafe<JsonVector>({
  type: ['array', 'string'],
  ...numbers,
  minItems: 2,
  maxItems: embeddingDimensionMax,
  contentEncoding: 'base64',
  maxLength: Math.ceil(vectorMaxBytes / 3) * 4,
  description:
    'An embedding from this model, of unit length: numbers, or base64 of numbers in single precision (float32, little-endian), as answers have them with `vectorFormat=base64`.',
})

export function shownVector(description: string) {
  return Type.Unsafe<JsonVector>({ type: ['array', 'string'], ...numbers, description: `${description} ${either}` })
}

export function shownVectorOrNull(description: string) {
  const type = ['array', 'string', 'null']
  return Type.Unsafe<JsonVector | null>({ type, ...numbers, description: `${description} ${either}` })
}

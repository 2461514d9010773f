/** Searches by stored images, like some and unlike others. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ImageEmbedder } from '../../../src/embedding/image-embedder.js'
import { retrieve } from '../../../src/retrieval.js'
import { name, step } from './compared-galleries.js'
import { filter, id, maybe } from './drawn-values.js'
import { copyScore, scoreOf } from './pictures.js'
import { matches } from './plain-filter.js'

/** Stored images are not embedded again. */
const images = { modelOf: () => undefined, queriesAtOnce: 2 } as unknown as ImageEmbedder

const rounding = 1e-5
const ids = { like: fc.array(id, { minLength: 1, maxLength: 3 }), unlike: fc.array(id, { maxLength: 2 }) }

export const exampleSteps = step(
  'search like',
  fc.record({
    name,
    ...ids,
    includeSelf: fc.boolean(),
    filter: maybe(filter),
    copiesFrom: maybe(fc.constantFrom(0.4, 0.9)),
  }),
  (at, { name, like, unlike, includeSelf, filter, copiesFrom }) =>
    at.of(
      name,
      (galleries) => {
        const examples = { like: like.map((id) => ({ id })), unlike: unlike.map((id) => ({ id })), includeSelf }
        return retrieve({ gallery: name, ...examples, filter, copiesFrom, k: 100 }, { galleries, images })
      },
      async (plain, answer) => {
        if ([...like, ...unlike].some((id) => plain.get(id) === undefined))
          return assert.rejects(answer(), { code: 'image_not_found' })
        const picturesOf = (ids: string[]) => ids.map((id) => plain.get(id)!.picture)
        const vector = soughtBy(
          picturesOf(like).map((one) => one.vector),
          picturesOf(unlike).map((one) => one.vector),
        )
        const own = includeSelf ? [] : [...like, ...unlike].map((id) => id.normalize('NFC'))
        const mayBeHit = [...plain.images].filter(
          ([id, image]) =>
            !own.includes(id) &&
            (filter === undefined || matches(image, filter)) &&
            (copiesFrom === undefined ||
              picturesOf(like).some(
                (one) =>
                  one === image.picture ||
                  (copyScore(one.copyDescriptor, image.picture.copyDescriptor) ?? 0) >= copiesFrom,
              )),
        )
        const { hits } = await answer()
        assert.deepEqual(hits.map(({ record }) => record.id).sort(), mayBeHit.map(([id]) => id).sort())
        for (const [i, { score, record }] of hits.entries()) {
          assert.ok(Math.abs(score - scoreOf(vector, plain.get(record.id)!.picture.vector)) < rounding)
          assert.ok(i === 0 || score <= hits[i - 1]!.score)
        }
      },
    ),
)

/** 2 · mean of the examples − mean of the counterexamples; the first of vectors that cancel out. */
function soughtBy(like: Float32Array[], unlike: Float32Array[]): Float32Array {
  const sought = directionOf(like)
  if (unlike.length === 0) return sought
  const avoided = directionOf(unlike)
  return sought.map((value, i) => 2 * value - avoided[i]!)
}

function directionOf(vectors: Float32Array[]): Float32Array {
  if (vectors.length === 1) return vectors[0]!
  const sum = vectors[0]!.map((_, i) => vectors.reduce((total, vector) => total + vector[i]!, 0) / vectors.length)
  const length = Math.hypot(...sum)
  return length < 1e-6 ? vectors[0]! : sum.map((value) => value / length)
}

/** Pictures by id, ascending, from a server that sorts by numbers: see `id-words.ts`. */

import { Filters } from 'weaviate-client'
import { examinedMax, lengthOfTurn, lengthOfVector } from '../../gallery/engine.js'
import type { Filter } from '../../gallery/filter.js'
import { compareTexts, fits } from '../../gallery/fits.js'
import type { ImagePage, ListedImage } from '../../gallery/records.js'
import { nextTurn } from '../../turns.js'
import { bytesPerWord, wordNames, wordsOf } from './id-words.js'
import { type Found, type PropertyName, recordOf, vectorOf } from './image-object.js'
import { both, type Where } from './pushed-filter.js'
import { readSlice, type SlicedCollection, slicesByStamp } from './whole-slices.js'

/** Read at a time. */
const batch = 100
/** Ids with equal words are read this many at a time, and the first this many of all are kept. */
const alikeAtOnce = 1_000

export interface Listing {
  collection: SlicedCollection
  where: Where | undefined
  properties: readonly PropertyName[]
  /** Read the embeddings too. */
  vectors?: boolean | undefined
}

/**
 * One page of a list, slice by slice, each in its own turn; the last slice says whether more follow.
 * @param filter not every picture that the server finds matches it
 */
export async function* pageOf(
  listing: Listing,
  { after, limit, maxLength, filter }: { after: string; limit: number; maxLength: number; filter?: Filter | undefined },
): AsyncGenerator<ImagePage> {
  let [count, left, last, examined] = [0, maxLength, after, 0]
  for await (const found of byId(listing, after)) {
    let images: ListedImage[] = []
    let lengthOfSlice = 0
    for (const one of found) {
      const length = lengthOf(one)
      const record = recordOf(one)
      if (filter !== undefined && !fits(record, filter)) {
        last = record.id
        continue
      }
      if (count === limit || (count > 0 && length > left)) return yield { images, next: last }
      images.push(listing.vectors ? { ...record, vector: vectorOf(one) } : record)
      count++
      left -= length
      lengthOfSlice += length
      last = record.id
      if (lengthOfSlice < lengthOfTurn) continue
      yield { images }
      await nextTurn()
      images = []
      lengthOfSlice = 0
    }
    examined += found.length
    if (filter !== undefined && examined >= examinedMax) return yield { images, next: last }
    yield { images }
    await nextTurn()
  }
  if (count === 0) yield { images: [] }
}

function lengthOf({ properties: { imageId = '', label, metadata = '' }, vector }: Found): number {
  return imageId.length + (label?.length ?? 0) + metadata.length + lengthOfVector(vector.length)
}

/** In batches. @param after ids after this one; empty: from the start */
async function* byId(listing: Listing, after: string): AsyncGenerator<Found[]> {
  if (after === '') return yield* following(listing, [], -1)
  const words = wordsOf(after)
  // only after full words may another id continue
  const full = Math.floor(Buffer.byteLength(after) / bytesPerWord)
  if (full >= words.length) yield* alike(listing, words, after)
  for (let i = Math.min(full, words.length - 1); i >= 0; i--) yield* following(listing, words.slice(0, i), words[i]!)
}

/** Those that begin with these words and continue with a word greater than `above`. */
async function* following(listing: Listing, words: readonly number[], above: number): AsyncGenerator<Found[]> {
  const by = wordNames[words.length]!
  for (let last = above; ; ) {
    const query = { ...readOptionsOf(listing), where: conditionOf(listing, words), by, above: last, limit: batch }
    const { found, upTo, crowd } = await readSlice(listing.collection, query)
    yield* inOrder(found)
    if (crowd !== undefined) {
      if (words.length + 1 < wordNames.length) yield* following(listing, [...words, crowd], -1)
      else yield* alike(listing, [...words, crowd], '')
    }
    if (crowd === undefined && upTo === undefined) return
    last = crowd ?? upTo!
  }
}

/** Those with all words in common; if they exceed a batch, the next ones are found by reading all of their ids. */
async function* alike(listing: Listing, words: readonly number[], after: string): AsyncGenerator<Found[]> {
  const { collection } = listing
  const where = conditionOf(listing, words)
  const few = await readSlice(collection, { ...readOptionsOf(listing), where, by: 'stamp', above: -1, limit: batch })
  if (few.upTo === undefined) return yield* inOrder(few.found.filter((one) => compareTexts(idOf(one), after) > 0))
  for (let last = after; ; ) {
    const next = await nextAlike(listing, where, last)
    for (let begin = 0; begin < next.length; begin += batch) {
      const uuids = next.slice(begin, begin + batch).map(({ uuid }) => uuid)
      yield* inOrder([...(await collection.ofIds(uuids, readOptionsOf(listing))).values()])
    }
    if (next.length < alikeAtOnce) return
    last = idOf(next.at(-1)!)
  }
}

/** With only their ids. */
async function nextAlike({ collection }: Listing, where: Where | undefined, after: string): Promise<Found[]> {
  let next: Found[] = []
  const query = { where, upTo: Number.MAX_SAFE_INTEGER, limit: alikeAtOnce, properties: ['imageId'] as const }
  for await (const page of slicesByStamp(collection, query)) {
    const later = page.filter((one) => compareTexts(idOf(one), after) > 0)
    next = [...next, ...later].sort((a, b) => compareTexts(idOf(a), idOf(b))).slice(0, alikeAtOnce)
  }
  return next
}

const idOf = ({ properties: { imageId = '' } }: Found) => imageId

function* inOrder(found: readonly Found[]): Generator<Found[]> {
  if (found.length > 0) yield found.toSorted((a, b) => compareTexts(idOf(a), idOf(b)))
}

function readOptionsOf({ properties, vectors }: Listing): Pick<Listing, 'properties' | 'vectors'> {
  return { properties: [...new Set([...properties, 'imageId' as const, ...wordNames])], vectors }
}

function conditionOf({ where }: Listing, words: readonly number[]): Where | undefined {
  const equals = words.map(
    (word, i): Where => ({ operator: 'Equal', target: { property: wordNames[i]! }, value: word }),
  )
  return both(where, equals.length === 0 ? undefined : equals.length === 1 ? equals[0]! : Filters.and(...equals))
}

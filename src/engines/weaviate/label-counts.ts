/**
 * The labels of a set and their counts, one after the other: the server counts the pictures with a given label, but
 * cannot list labels. No label is missing, because the other replicas are asked for pictures with labels that the one which
 * answers does not have. Counts are those of one replica: comparing them would cost a read of each picture.
 */
import { Filters } from 'weaviate-client'
import { compareTexts } from '../../gallery/fits.js'
import type { LabelCount } from '../../gallery/records.js'
import { existsToken, valueToken } from './filter-tokens.js'
import { firstWordOf } from './id-words.js'
import type { ImageCollection } from './image-collection.js'
import { anyToken, both, type Where } from './pushed-filter.js'
import { type SlicedCollection, slicesByStamp } from './whole-slices.js'

export type LabelledCollection = SlicedCollection & Pick<ImageCollection, 'count'>

/** Pictures read at a time when searching for unknown labels. */
const batch = 100
const countedAtOnce = 8
/**
 * With this many labels for one first word, the remaining pictures are read one by one instead of excluding known
 * labels in the query.
 */
const knownMax = 200
const readAtOnce = 1_000

/** By label, ascending; pictures without one come first. @param after labels after this one */
export async function labelCounts(
  collection: LabelledCollection,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<LabelCount[]> {
  const counts: LabelCount[] = []
  const countedOf = async (labels: readonly (string | null)[]) => {
    const found = await Promise.all(labels.map((label) => countOf(collection, label)))
    labels.forEach((label, i) => found[i]! > 0 && counts.push({ label, count: found[i]! }))
  }
  if (after === undefined) await countedOf([null])
  // one whose last picture has been removed meanwhile must not end the list
  let waiting: string[] = []
  for await (const label of labelsAfter(collection, { after, atOnce: Math.min(batch, limit) })) {
    if (waiting.length === Math.min(countedAtOnce, limit - counts.length)) {
      await countedOf(waiting)
      waiting = []
    }
    if (counts.length >= limit) break
    waiting.push(label)
  }
  await countedOf(waiting)
  return counts.slice(0, limit)
}

/** If the replica that answers has none, those of the others are counted one by one. */
async function countOf(collection: LabelledCollection, label: string | null): Promise<number> {
  const where = anyToken([valueToken('label', label)])
  const count = await collection.count(where)
  if (count > 0 || (await collection.isByOne())) return count
  let counted = 0
  for await (const labels of labelsOf(collection, where)) counted += labels.filter((one) => one === label).length
  return counted
}

/** @param atOnce about as many are found before the first one is given */
async function* labelsAfter(
  collection: LabelledCollection,
  { after, atOnce }: { after: string | undefined; atOnce: number },
): AsyncGenerator<string> {
  const first = after === undefined ? 0 : firstWordOf(after)
  for await (const range of rangesOf(collection, first, atOnce)) {
    const labels = await labelsIn(collection, range)
    const later = [...labels].filter((label) => after === undefined || compareTexts(label, after) > 0)
    yield* later.sort(compareTexts)
  }
}

/** Labels by their first words. */
interface Range {
  from: number
  /** Undefined: the last one. */
  upTo: number | undefined
  /** The labels of the replica that answers; undefined: too many to exclude them from a query. */
  known: ReadonlySet<string> | undefined
}

/** One after the other, up to the last label. */
async function* rangesOf(collection: LabelledCollection, first: number, atOnce: number): AsyncGenerator<Range> {
  let [from, known] = [first, new Set<string>()]
  let [word, ofWord] = [first, new Set<string>()]
  for (;;) {
    const page = await collection.sortedFully('labelWord', {
      where: Filters.and(anyToken([existsToken('label')]), unknownFrom(word, ofWord)),
      limit: batch,
      properties: ['label', 'labelWord'],
    })
    const next = page[0]?.properties.labelWord
    if (next !== word) {
      for (const label of ofWord) known.add(label)
      if (next === undefined) return yield { from, upTo: undefined, known }
      if (known.size >= atOnce) {
        yield { from, upTo: next - 1, known }
        from = next
        known = new Set()
      }
      word = next
      ofWord = new Set()
    }
    for (const { properties } of page) if (properties.labelWord === word) ofWord.add(properties.label!)
    if (ofWord.size < knownMax) continue
    if (from < word) yield { from, upTo: word - 1, known }
    yield { from: word, upTo: word, known: undefined }
    word += 1
    from = word
    known = new Set()
    ofWord = new Set()
  }
}

/** Those of all replicas. */
async function labelsIn(collection: LabelledCollection, { from, upTo, known }: Range): Promise<ReadonlySet<string>> {
  if (known !== undefined && (await collection.isByOne())) return known
  const beyond: Where = { operator: 'GreaterThan', target: { property: 'labelWord' }, value: from - 1 }
  const within: Where | undefined =
    upTo === undefined ? undefined : { operator: 'LessThanEqual', target: { property: 'labelWord' }, value: upTo }
  const unknown = known === undefined || known.size === 0 ? undefined : Filters.not(anyToken(tokensOf(known)))
  const where = [anyToken([existsToken('label')]), beyond, within, unknown].reduce(both)!
  const all = new Set(known)
  for await (const labels of labelsOf(collection, where))
    for (const label of labels)
      if (label !== null && firstWordOf(label) >= from && firstWordOf(label) <= (upTo ?? Infinity)) all.add(label)
  return all
}

/** What does not meet the condition may be among them. */
async function* labelsOf(collection: LabelledCollection, where: Where): AsyncGenerator<(string | null)[]> {
  const query = { where, upTo: Number.MAX_SAFE_INTEGER, limit: readAtOnce, properties: ['label'] as const }
  for await (const found of slicesByStamp(collection, query))
    yield found.map(({ properties }) => properties.label ?? null)
}

/** The unknown labels with this first word, and all labels after it. */
function unknownFrom(word: number, known: ReadonlySet<string>): Where {
  const here: Where = { operator: 'Equal', target: { property: 'labelWord' }, value: word }
  const later: Where = { operator: 'GreaterThan', target: { property: 'labelWord' }, value: word }
  const unknown = known.size === 0 ? here : Filters.and(here, Filters.not(anyToken(tokensOf(known))))
  return Filters.or(unknown, later)
}

const tokensOf = (labels: ReadonlySet<string>) => [...labels].map((label) => valueToken('label', label))

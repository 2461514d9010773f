/**
 * The labels of a set and their counts, one after the other: the server counts the pictures with a given label, but
 * cannot list labels.
 */
import { Filters } from 'weaviate-client'
import type { LabelCount } from '../../gallery/records.js'
import { existsToken, valueToken } from './filter-tokens.js'
import { compareTexts } from './fits.js'
import { firstWordOf } from './id-words.js'
import type { ImageCollection } from './image-collection.js'
import { anyToken, type Where } from './pushed-filter.js'

/** Pictures read at a time when searching for unknown labels. */
const batch = 100
const countedAtOnce = 8
/**
 * With this many labels for one first word, the remaining pictures are read one by one instead of excluding known
 * labels in the query.
 */
const knownMax = 200
const lookedAtOnce = 1_000

/** By label, ascending; pictures without one come first. @param after labels after this one */
export async function labelCounts(
  collection: ImageCollection,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<LabelCount[]> {
  const counts: LabelCount[] = []
  if (after === undefined) {
    const count = await collection.count(Filters.not(anyToken([existsToken('label')])))
    if (count > 0) counts.push({ label: null, count })
  }
  const countedOf = async (labels: readonly string[]) => {
    const found = await Promise.all(labels.map((label) => collection.count(anyToken([valueToken('label', label)]))))
    labels.forEach((label, i) => found[i]! > 0 && counts.push({ label, count: found[i]! }))
  }
  // one whose last picture has been removed meanwhile must not end the list
  let waiting: string[] = []
  for await (const label of labelsAfter(collection, after)) {
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

async function* labelsAfter(collection: ImageCollection, after: string | undefined): AsyncGenerator<string> {
  let word = after === undefined ? 0 : firstWordOf(after)
  let known = new Set<string>()
  const give = () =>
    [...known].filter((label) => after === undefined || compareTexts(label, after) > 0).sort(compareTexts)
  for (;;) {
    const page = await collection.sorted('labelWord', {
      where: Filters.and(anyToken([existsToken('label')]), unknownFrom(word, known)),
      limit: batch,
      properties: ['label', 'labelWord'],
    })
    const next = page[0]?.properties.labelWord
    if (next === undefined || next > word) {
      yield* give()
      known = new Set()
    }
    if (next === undefined) return
    word = next
    for (const { properties } of page) if (properties.labelWord === word) known.add(properties.label!)
    if (known.size < knownMax) continue
    known = await labelsOfWord(collection, word)
    yield* give()
    known = new Set()
    word += 1
  }
}

async function labelsOfWord(collection: ImageCollection, word: number): Promise<Set<string>> {
  const labels = new Set<string>()
  const pages = collection.byStamp({
    where: { operator: 'Equal', target: { property: 'labelWord' }, value: word },
    upTo: Number.MAX_SAFE_INTEGER,
    limit: lookedAtOnce,
    properties: ['label'],
  })
  for await (const page of pages) for (const { properties } of page) labels.add(properties.label!)
  return labels
}

/** The unknown labels with this first word, and all labels after it. */
function unknownFrom(word: number, known: ReadonlySet<string>): Where {
  const here: Where = { operator: 'Equal', target: { property: 'labelWord' }, value: word }
  const later: Where = { operator: 'GreaterThan', target: { property: 'labelWord' }, value: word }
  const unknown =
    known.size === 0
      ? here
      : Filters.and(here, Filters.not(anyToken([...known].map((label) => valueToken('label', label)))))
  return Filters.or(unknown, later)
}

/** Evaluates a gallery's two sets side by side on its own pictures: the same sample and seed, exact rankings. */
import { defaultDuplicateScore } from '../copies/near-copy-score.js'
import { compareRankings, type RankedTwice } from '../eval/compared-rankings.js'
import type { RankedLabels } from '../eval/judged-query.js'
import { seededRandom } from '../eval/random.js'
import type { OpenSet } from '../gallery/engine.js'
import { patiently } from '../jobs/patience.js'
import { nextTurn } from '../turns.js'
import { type ComparedNumber, comparedNames, type GateMeasures } from './gate-report.js'

export interface GateOptions {
  /** Stored pictures used as queries. */
  queries: number
  seed: number
  signal: AbortSignal
}

/** Maximum pictures ranked per query; more would occupy the index workers for long. */
const candidatesMax = 2_000
/** Queries compared with all candidates per call: a fraction of a second of the index workers. */
const rowsAtOnce = 16
const depth = 10
const recordsOfPage = 500

interface Sampled {
  id: string
  label: string | null
  /** Missing from the other set: searches there neither find it nor can use it as the query. */
  isMissing: boolean
}

/**
 * Samples the serving set, so that pictures missing from the other one count as missed. Lower priority than searches:
 * waits where they would be refused.
 * @throws AlikeError `gallery_not_found`; the signal's reason
 */
export async function judgeSets(serving: OpenSet, other: OpenSet, options: GateOptions): Promise<GateMeasures> {
  const { queries, seed, signal } = options
  const random = seededRandom(seed)
  const sample = await withMissing(await sampleOf(serving, candidatesMax, random, signal), other, signal)
  const labelled = sample.filter(({ label }) => label !== null)
  const queried = labelled.slice(0, queries)
  const rankings = await rankedTwice(serving, other, { queried, candidates: sample, signal })
  const compared = compareRankings(rankings, { ks: [1, 10, 50], seed })
  const quality = Object.fromEntries(
    comparedNames.flatMap((name): [string, ComparedNumber][] => {
      const found = compared.numbers.get(name)
      if (found === undefined) return []
      const { first, second, difference, interval } = found
      return [[name, { serving: first, other: second, difference, interval }]]
    }),
  )
  const shown = await shownByBoth(serving, other, { queried: sample.slice(0, queries), signal })
  const missing = sample.filter(({ isMissing }) => isMissing).length
  return { queries: compared.queries, candidates: sample.length, missing, quality, ...shown }
}

async function withMissing(
  sample: readonly Omit<Sampled, 'isMissing'>[],
  other: OpenSet,
  signal: AbortSignal,
): Promise<Sampled[]> {
  const known = new Set<string>()
  for (let begin = 0; begin < sample.length; begin += recordsOfPage) {
    signal.throwIfAborted()
    const ids = sample.slice(begin, begin + recordsOfPage).map(({ id }) => id)
    for (const { id } of await other.find(ids)) known.add(id)
    await nextTurn()
  }
  return sample.map((one) => ({ ...one, isMissing: !known.has(one.id) }))
}

/** A uniform random sample of the set, in random order. */
async function sampleOf(
  set: OpenSet,
  size: number,
  random: () => number,
  signal: AbortSignal,
): Promise<Omit<Sampled, 'isMissing'>[]> {
  const sample: Omit<Sampled, 'isMissing'>[] = []
  let seen = 0
  for (let after: string | undefined; ; ) {
    let end: string | undefined
    for await (const { images, next } of set.page({ after, limit: recordsOfPage })) {
      signal.throwIfAborted()
      for (const { id, label } of images) {
        const place = seen < size ? seen : Math.floor(random() * (seen + 1))
        if (place < size) sample[place] = { id, label }
        seen++
      }
      end = next
    }
    if (end === undefined) break
    after = end
    await nextTurn()
  }
  for (let i = sample.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[sample[i], sample[j]] = [sample[j]!, sample[i]!]
  }
  return sample
}

interface Queried {
  queried: readonly Sampled[]
  candidates: readonly Sampled[]
  signal: AbortSignal
}

async function rankedTwice(
  serving: OpenSet,
  other: OpenSet,
  { queried, candidates, signal }: Queried,
): Promise<RankedTwice[]> {
  const rankings: RankedTwice[] = []
  for (let begin = 0; begin < queried.length; begin += rowsAtOnce) {
    signal.throwIfAborted()
    const rows = queried.slice(begin, begin + rowsAtOnce)
    const likenessOf = (set: OpenSet) => patiently(() => set.likeness(rows, candidates), signal)
    const [first, second] = [await likenessOf(serving), await likenessOf(other)]
    for (const [row, query] of rows.entries()) {
      const scoresOf = (all: Float32Array) => all.subarray(row * candidates.length, (row + 1) * candidates.length)
      rankings.push({
        first: rankedBy(scoresOf(first), query, candidates),
        second: query.isMissing
          ? unanswered(query, candidates)
          : rankedBy(scoresOf(second), query, candidates, ({ isMissing }) => isMissing),
      })
      await nextTurn()
    }
  }
  return rankings
}

/**
 * Excludes the query itself; pictures removed in the meantime score −1 and come last.
 * @param isMissing pictures that the set does not have
 */
function rankedBy(
  scores: Float32Array,
  query: Sampled,
  candidates: readonly Sampled[],
  isMissing: (candidate: Sampled) => boolean = () => false,
): RankedLabels {
  const others = candidates.flatMap((candidate, place) => (candidate.id === query.id ? [] : [{ candidate, place }]))
  const found = others.filter(({ candidate }) => !isMissing(candidate))
  found.sort((a, b) => scores[b.place]! - scores[a.place]! || (a.candidate.id < b.candidate.id ? -1 : 1))
  const ranked = found.map(({ candidate }) => candidate.label)
  const relevant = others.filter(({ candidate }) => candidate.label === query.label).length
  const missing = relevant - ranked.filter((label) => label === query.label).length
  return { label: query.label!, ranked, relevant, candidates: others.length, missing }
}

/** For a query missing from the set: nothing is found. */
function unanswered(query: Sampled, candidates: readonly Sampled[]): RankedLabels {
  return rankedBy(new Float32Array(candidates.length), query, candidates, () => true)
}

/** The first hits of both sets, and the near-copies among them. */
async function shownByBoth(
  serving: OpenSet,
  other: OpenSet,
  { queried, signal }: Omit<Queried, 'candidates'>,
): Promise<Pick<GateMeasures, 'overlapAt10' | 'overlapQueries' | 'copiesFound'>> {
  let [shown, both, queries] = [0, 0, 0]
  const found = { serving: 0, other: 0, copies: 0 }
  for (const { id } of queried) {
    signal.throwIfAborted()
    const first = await hitsOf(serving, id, signal)
    if (first === undefined) continue
    const second = (await hitsOf(other, id, signal)) ?? new Set() // a search for it there returns nothing
    queries++
    shown += Math.max(first.size, second.size)
    for (const hit of first) if (second.has(hit)) both++
    for (const copy of await copiesOf(serving, id, signal)) {
      found.copies++
      if (first.has(copy)) found.serving++
      if (second.has(copy)) found.other++
    }
  }
  const { copies } = found
  return {
    overlapAt10: shown === 0 ? null : both / shown,
    overlapQueries: queries,
    copiesFound: copies === 0 ? null : { serving: found.serving / copies, other: found.other / copies, copies },
  }
}

async function hitsOf(set: OpenSet, id: string, signal: AbortSignal): Promise<Set<string> | undefined> {
  const vector = await set.vector(id)
  if (vector === undefined) return undefined
  const hits = await patiently(async () => (await set.nearest({ vector, excludeIds: [id] })).first(depth), signal)
  return new Set(hits.map(({ record }) => record.id))
}

/** At most as many as fit into the first hits: if there are more, any will do. */
async function copiesOf(set: OpenSet, id: string, signal: AbortSignal): Promise<string[]> {
  const [vector, descriptor] = [await set.vector(id), await set.copies.descriptor(id)]
  if (vector === undefined || descriptor === undefined || descriptor.length === 0) return []
  const copiesOf = { descriptors: [descriptor], least: defaultDuplicateScore }
  const query = { vector, excludeIds: [id], exact: true, copiesOf }
  const hits = await patiently(async () => (await set.nearest(query)).first(depth + 1), signal)
  return hits.length > depth ? [] : hits.map(({ record }) => record.id)
}

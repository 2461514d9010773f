/**
 * Calls of several actors that overlap, on few images. For each image there must be an order of the calls that explains all
 * answers about it, and what is stored in the end.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { hasCode } from '../../src/errors.js'
import type { Filter } from '../../src/gallery/filter.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import type { Hit } from '../../src/gallery/gallery-search.js'
import type { ImageRecord } from '../../src/gallery/records.js'
import { filter, maybe, metadata, picture } from './sequences/drawn-values.js'
import { type Happening, isExplained } from './sequences/explained.js'
import { pictures } from './sequences/pictures.js'
import { matches } from './sequences/plain-filter.js'
import type { PlainImage } from './sequences/plain-gallery.js'
import { ReopenedGalleries } from './sequences/reopened-galleries.js'
import { askedRuns, runProperty, type SequenceRuns } from './sequences/sequence-runs.js'
import { newImage, removeImages } from './stored-images.js'
import type { TestedEngine } from './tested-engine.js'

const name = 'a'
const ids = ['a', 'b', 'c']
type State = PlainImage | undefined
/** What the answer says about an image: the states that may follow the former one. */
type Told = (id: string, former: State) => State[]
type Call = (galleries: Galleries) => Promise<Told>

const id = fc.constantFrom(...ids)
const label = fc.constantFrom(null, 'a', 'b')
const some = fc.uniqueArray(id, { minLength: 1, maxLength: 3 })
const said = { label: maybe(label), metadata: maybe(metadata), picture }

const put = fc.record({ put: some, ...said })
const remove = fc.record({ remove: some })
const patch = fc.record({
  patch: id,
  change: fc.record({ label, metadata }, { requiredKeys: [], noNullPrototype: true }),
})
const removeFitting = fc.record({ removeFitting: filter })
const kinds = ['find', 'list', 'search', 'pages'] as const
const read = fc.record({ read: fc.constantFrom(...kinds), filter: maybe(filter) })
const call = fc.oneof({ weight: 3, arbitrary: put }, remove, patch, removeFitting, { weight: 3, arbitrary: read })
type Drawn = typeof call extends fc.Arbitrary<infer Value> ? Value : never

function callOf(drawn: Drawn): Call {
  if ('put' in drawn) return (galleries) => putAll(galleries, drawn)
  if ('remove' in drawn) return (galleries) => removeAll(galleries, drawn.remove)
  if ('patch' in drawn) return (galleries) => patchOne(galleries, drawn)
  if ('read' in drawn) return reads[drawn.read](drawn.filter)
  return async ({ images }) => {
    await images.removeFitting(name, drawn.removeFitting)
    return (_, former) => [former !== undefined && matches(former, drawn.removeFitting) ? undefined : former]
  }
}

async function putAll(
  { images }: Galleries,
  { put, label, metadata, picture: nth }: Extract<Drawn, { put: string[] }>,
): Promise<Told> {
  const picture = pictures[nth]!
  const steps = put.map((id) => ({ put: { ...newImage(id, picture.vector, picture), label, metadata } }))
  const results = await images.change(name, steps)
  return (id, former) => {
    const result = results[put.indexOf(id)]
    if (result === undefined) return [former]
    const stored = { id, label: former?.label ?? null, metadata: former?.metadata ?? {}, picture }
    if (label !== undefined) stored.label = label
    if (metadata !== undefined) stored.metadata = metadata
    return isDeepStrictEqual(result, { created: former === undefined }) ? [stored] : []
  }
}

async function removeAll({ images }: Galleries, ids: string[]): Promise<Told> {
  const removed = await removeImages(images, name, ids)
  return (id, former) => {
    if (!ids.includes(id)) return [former]
    return removed.includes(id) === (former !== undefined) ? [undefined] : []
  }
}

async function patchOne({ images }: Galleries, { patch, change }: Extract<Drawn, { patch: string }>): Promise<Told> {
  const isThere = await images.patch(name, patch, change).then(
    () => true,
    (error: unknown) => (hasCode(error, 'image_not_found') ? false : Promise.reject(error)),
  )
  return (id, former) => {
    if (id !== patch) return [former]
    if (isThere !== (former !== undefined)) return []
    return [former && { ...former, ...change }]
  }
}

const reads: Record<(typeof kinds)[number], (filter?: Filter) => Call> = {
  find:
    () =>
    async ({ images }) =>
      told(await images.find(name, ids)),
  list:
    (filter) =>
    async ({ images }) =>
      told((await images.page(name, { filter })).images, filter),
  search:
    (filter) =>
    async ({ searches }) =>
      toldByHits((await searches.search(name, { vector: pictures[0]!.vector, k: 10, filter })).hits, filter),
  // the ranking is computed for the first page
  pages:
    (filter) =>
    async ({ searches }) => {
      const first = { vector: pictures[0]!.vector, k: 1, filter, caller: '', reach: 10 }
      const hits: Hit[] = []
      for (let page = await searches.firstPage(name, first); ; ) {
        hits.push(...page.hits)
        if (page.nextPageToken === undefined) break
        page = await searches.nextPage(name, { token: page.nextPageToken, caller: '', k: 1 })
      }
      assert.equal(new Set(hits.map(({ record }) => record.id)).size, hits.length)
      return (_, former) => [former]
    },
}

function told(records: ImageRecord[], filter?: Filter): Told {
  const found = new Map(records.map((record) => [record.id, record]))
  return (id, former) => {
    const record = found.get(id)
    const is = record && [record.label, record.metadata, record.contentHash]
    const isExpected = former !== undefined && (filter === undefined || matches(former, filter))
    const was = isExpected ? [former.label, former.metadata, former.picture.contentHash] : undefined
    return isDeepStrictEqual(is, was) ? [former] : []
  }
}

/** Label and metadata of hits are read at different moments. */
function toldByHits(hits: Hit[], filter: Filter | undefined): Told {
  const found = new Map(hits.map(({ record }) => [record.id, record.contentHash]))
  assert.equal(found.size, hits.length)
  return (id, former) => {
    const isExpected = former !== undefined && (filter === undefined || matches(former, filter))
    return found.get(id) === (isExpected ? former.picture.contentHash : undefined) ? [former] : []
  }
}

interface Made extends Pick<Happening<State>, 'begin' | 'end'> {
  drawn: Drawn | 'the end'
  told: Told
}

/** Calls in the order in which they are answered, at times that grow with each call and answer. */
class Calls {
  readonly made: Made[] = []
  now = 0

  /** Each actor makes its next call when the former one is answered. */
  async makeAll(galleries: Galleries, actors: Drawn[][]): Promise<void> {
    const make = async (calls: Drawn[]) => {
      for (const drawn of calls) await this.#make(galleries, drawn, callOf(drawn))
    }
    await Promise.all(actors.map(make))
  }

  /** The state that is left. */
  async readAll(galleries: Galleries): Promise<void> {
    for (const call of [reads.find(), reads.list(), reads.search()]) await this.#make(galleries, 'the end', call)
  }

  async #make(galleries: Galleries, drawn: Made['drawn'], call: Call): Promise<void> {
    const begin = this.now++
    const told = await call(galleries)
    this.made.push({ drawn, told, begin, end: this.now++ })
  }
}

/** @param mayLack those that need not have happened */
function expectExplained(
  made: readonly Made[],
  { losesReplaced }: Pick<TestedEngine, 'losesReplaced'>,
  mayLack: (one: Made) => boolean = () => false,
): void {
  for (const id of ids) {
    const happenings = made.map((one) => ({
      ...one,
      after: (former: State) => {
        const mayPass =
          mayLack(one) ||
          passesOver(one, id, made) ||
          (losesReplaced && saysAbsent(one, id) && isReplaced(one, id, made))
        return mayPass ? [former, ...one.told(id, former)] : one.told(id, former)
      },
    }))
    assert.ok(isExplained<State>(happenings, undefined), `no order explains the answers about ${id}`)
  }
}

/** A removal by filter passes over an image that is replaced meanwhile, whether or not the new one matches. */
function passesOver(one: Made, id: string, all: readonly Made[]): boolean {
  return one.drawn !== 'the end' && 'removeFitting' in one.drawn && isReplaced(one, id, all)
}

function saysAbsent({ drawn, told }: Made, id: string): boolean {
  return drawn !== 'the end' && 'read' in drawn && told(id, undefined).length > 0
}

/** During the call. */
function isReplaced(one: Made, id: string, all: readonly Made[]): boolean {
  return all.some(
    ({ drawn, begin, end }) =>
      drawn !== 'the end' && 'put' in drawn && drawn.put.includes(id) && begin < one.end && end > one.begin,
  )
}

const actors = fc.array(fc.array(call, { minLength: 1, maxLength: 7, size: 'max' }), { minLength: 2, maxLength: 3 })

export function interleavedCallsSuite(engine: TestedEngine, usualSequences: number): void {
  const runs = askedRuns(usualSequences)
  test(`an order of calls explains the answers to several actors at once, ${runs.sequences} times`, async (t) => {
    await runInterleavedCalls(t, engine, runs)
  })
  const kills = askedRuns(Math.ceil(usualSequences / 8))
  const skip = engine.placeAfterKill === undefined && 'the engine is in a process of its own'
  test(`an order of calls explains what ${kills.sequences} kills leave of them`, { skip }, async (t) => {
    await runKilledCalls(t, engine, kills)
  })
}

/** @returns how often the answers were explained */
export async function runInterleavedCalls(t: TestContext, engine: TestedEngine, runs: SequenceRuns): Promise<number> {
  const galleries = await engine.open(t, await engine.newPlace(t))
  await galleries.create(name)
  return runProperty(fc.tuple(actors), runs, async ([actors]) => {
    const calls = new Calls()
    try {
      await calls.makeAll(galleries, actors)
      await calls.readAll(galleries)
      expectExplained(calls.made, engine)
    } finally {
      await removeImages(galleries.images, name, ids)
    }
  })
}

/** Calls that were answered before the kill have happened, later ones have not, and those in between may have. */
export async function runKilledCalls(t: TestContext, engine: TestedEngine, runs: SequenceRuns): Promise<number> {
  const place = await engine.newPlace(t)
  let galleries = await engine.open(t, place)
  const reopening = new ReopenedGalleries(t, engine, place)
  await galleries.create(name)
  return runProperty(fc.tuple(actors, fc.nat(60)), runs, async ([actors, turns]) => {
    const calls = new Calls()
    let [begin, end] = [0, 0]
    try {
      const killing = async () => {
        await reopening.kill(turns, () => {
          begin = calls.now
        })
        end = calls.now
      }
      await Promise.all([calls.makeAll(galleries, actors), killing()])
      galleries = await reopening.reopen(galleries)
      await calls.readAll(galleries)
      const mayHaveHappened = calls.made.filter((one) => one.begin < end || one.drawn === 'the end')
      expectExplained(mayHaveHappened, engine, (one) => one.end >= begin && one.drawn !== 'the end')
    } finally {
      await removeImages(galleries.images, name, ids)
    }
  })
}

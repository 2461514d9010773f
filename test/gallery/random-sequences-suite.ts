/** Random sequences of calls, each answer compared with what plain loops over plain records say. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { fits } from '../../src/engines/weaviate/fits.js'
import { fieldValues } from '../../src/gallery/field-values.js'
import type { Filter, Scalar } from '../../src/gallery/filter.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import { idOfStep, type JsonValue, type Metadata } from '../../src/gallery/records.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage } from './stored-images.js'
import type { TestedEngine } from './tested-engine.js'

/** Few of everything, so that steps meet: the third vector is the second one again, the last one its opposite. */
const [first, second, third] = Array.from({ length: 3 }, unitVectors({ dimension: model.dimension, seed: 71 }))
const vectors = [first!, second!, second!, third!, second!.map((value) => -value)]
const ids = ['a', 'b', 'B', 'é', '\uffee', '𝒶', '..', 'a b', "o'", '%']
const labels = [null, 'a', 'A', '1', 'true', 'é', '𝒶']
const scalars: Scalar[] = [0, 1, -1.5, 2 ** 53, 1e21, '', '1', 'a', 'é', '\uffee', '𝒶', true, false, null]
const fields = ['label', 'metadata.n', 'metadata.t', 'metadata.n.m', 'metadata.o o']

const scalar = fc.constantFrom(...scalars)
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.record({ m: scalar }, { noNullPrototype: true }),
)
const metadata = fc.record(
  { n: value, t: value, 'o o': value },
  { requiredKeys: [], noNullPrototype: true },
) as fc.Arbitrary<Metadata>
const image = fc.record({
  id: fc.constantFrom(...ids),
  label: fc.constantFrom(...labels),
  metadata,
  vector: fc.nat(vectors.length - 1),
})
const bound = fc.constantFrom<string | number>(0, 1, -1.5, 2 ** 53, '', '1', 'a', 'é', '\uffee', '𝒶')
const field = fc.constantFrom(...fields)
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ field, in: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
    fc.record({ field, exists: fc.boolean() }),
    fc.record({ field, range: fc.record({ gt: bound }) }),
    fc.record({ field, range: fc.record({ gte: bound, lt: bound }) }),
    fc.record({ field, range: fc.record({ lte: bound }) }),
    fc.record({ and: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ or: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('filter') }),
  ),
}))
const some = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined })
const id = fc.constantFrom(...ids)

const patch = fc.record({
  patch: id,
  change: fc.record({ label: fc.constantFrom(...labels), metadata }, { requiredKeys: [], noNullPrototype: true }),
})
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ put: fc.array(image, { minLength: 1, maxLength: 4 }) }) },
  fc.record({ remove: fc.array(id, { minLength: 1, maxLength: 3 }) }),
  patch,
  {
    weight: 2,
    arbitrary: fc.record({
      together: fc.array(fc.oneof(fc.record({ put: image }), patch, fc.record({ remove: id })), {
        minLength: 2,
        maxLength: 8,
      }),
    }),
  },
  fc.record({ removeFitting: filter }),
  fc.constant({ reopen: true as const }),
  {
    weight: 4,
    arbitrary: fc.record({
      query: fc.nat(vectors.length - 1),
      k: fc.integer({ min: 1, max: 12 }),
      offset: fc.nat(4),
      minScore: some(fc.constantFrom<number>(-1, 0, 0.5)),
      filter: some(filter),
      excludeIds: some(fc.array(id, { maxLength: 2 })),
      exact: fc.boolean(),
    }),
  },
  fc.record({ group: field, query: fc.nat(vectors.length - 1) }),
  fc.record({ list: fc.integer({ min: 1, max: 4 }), filter: some(filter) }),
  fc.record({ listLabel: fc.constantFrom(...labels) }),
  fc.record({ count: filter }),
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

interface Plain {
  label: string | null
  metadata: Metadata
  vector: Float32Array
}

/** One gallery, and what it should contain. */
class Compared {
  readonly #name: string
  readonly #reopen: () => Promise<Galleries>
  readonly #plain = new Map<string, Plain>()
  #galleries: Galleries

  constructor(name: string, galleries: Galleries, reopen: () => Promise<Galleries>) {
    this.#name = name
    this.#galleries = galleries
    this.#reopen = reopen
  }

  async take(step: Step): Promise<void> {
    if ('put' in step) return this.#put(step.put)
    if ('remove' in step) return this.#remove(step.remove)
    if ('patch' in step) return this.#patch(step)
    if ('together' in step) return this.#together(step.together)
    if ('removeFitting' in step) return this.#removeFitting(step.removeFitting)
    if ('reopen' in step) return void (this.#galleries = await this.#reopen())
    if ('group' in step) return this.#group(step)
    if ('list' in step) return this.#list(step.list, step.filter)
    if ('listLabel' in step) return this.#listLabel(step.listLabel)
    if ('count' in step) return this.#count(step.count)
    return this.#search(step)
  }

  #fitting(filter?: Filter): [string, Plain][] {
    return [...this.#plain].filter(([, plain]) => filter === undefined || fits(plain, filter))
  }

  async #put(put: { id: string; label: string | null; metadata: Metadata; vector: number }[]): Promise<void> {
    const stored = put.map(({ id, vector, ...said }) => newImage(id, vectors[vector]!, said))
    const results = await this.#galleries.images.put(this.#name, stored)
    stored.forEach(({ id, label, metadata, vector }, i) => {
      assert.equal(results[i]!.created, !this.#plain.has(id))
      this.#plain.set(id, { label, metadata, vector })
    })
  }

  async #remove(ids: string[]): Promise<void> {
    const gone = await this.#galleries.images.remove(this.#name, ids)
    const there = ids.filter((id, i) => this.#plain.has(id) && ids.indexOf(id) === i)
    assert.deepEqual([...gone].sort(), there.sort())
    for (const id of ids) this.#plain.delete(id)
  }

  async #patch({ patch: id, change }: { patch: string; change: Partial<Pick<Plain, 'label' | 'metadata'>> }) {
    const plain = this.#plain.get(id)
    const patched = this.#galleries.images.patch(this.#name, id, change)
    if (plain === undefined) return assert.rejects(patched, { code: 'image_not_found' })
    Object.assign(plain, change)
    const { label, metadata } = await patched
    assert.deepEqual({ label, metadata }, { label: plain.label, metadata: plain.metadata })
  }

  async #together(steps: Extract<Step, { together: unknown }>['together']): Promise<void> {
    const sent = steps.map((step) => {
      if (!('put' in step)) return step
      const { id, vector, ...said } = step.put
      return { put: newImage(id, vectors[vector]!, said) }
    })
    const expected = sent.map((step) => {
      const id = idOfStep(step)
      const plain = this.#plain.get(id)
      if ('put' in step) this.#plain.set(id, step.put)
      else if ('patch' in step && plain !== undefined) this.#plain.set(id, { ...plain, ...step.change })
      else if ('remove' in step) this.#plain.delete(id)
      if ('put' in step) return { created: plain === undefined }
      if ('patch' in step) return plain === undefined ? { refused: 'image_not_found' } : { patched: true }
      return plain === undefined ? { absent: true } : { removed: true }
    })
    assert.deepEqual(await this.#galleries.images.change(this.#name, sent), expected)
  }

  async #removeFitting(filter: Filter): Promise<void> {
    const fitting = this.#fitting(filter)
    assert.equal(await this.#galleries.images.removeFitting(this.#name, filter), fitting.length)
    for (const [id] of fitting) this.#plain.delete(id)
  }

  async #search({ query, filter, excludeIds, minScore = -2, k, offset, exact }: Extract<Step, { k: number }>) {
    const vector = vectors[query]!
    const given = { vector, filter, excludeIds, minScore, exact }
    const { hits } = await this.#galleries.searches.search(this.#name, { ...given, k, offset })
    const allowed = this.#fitting(filter).filter(
      // a score at the limit may be rounded to either side of it
      ([id, plain]) => excludeIds?.includes(id) !== true && scoreOf(vector, plain) >= minScore - 1e-5,
    )
    const best = allowed.map(([, plain]) => scoreOf(vector, plain)).sort((a, b) => b - a)
    const found = hits.map(({ record }) => record.id)
    assert.equal(new Set(found).size, found.length)
    for (const id of found) assert.ok(allowed.some(([one]) => one === id))
    const near = (found: number, expected: number) => assert.ok(Math.abs(found - expected) < 1e-5)
    hits.forEach(({ rank, score, record }, i) => {
      const plain = this.#plain.get(record.id)!
      assert.equal(rank, offset + i + 1)
      assert.deepEqual([record.label, record.metadata], [plain.label, plain.metadata])
      near(score, scoreOf(vector, plain))
      near(score, best[offset + i]!)
    })
    const clear = best.filter((score) => Math.abs(score - minScore) > 1e-5).length
    assert.ok(hits.length >= Math.min(k, Math.max(0, clear - offset)) && hits.length <= k)
    const all = (await this.#galleries.searches.search(this.#name, { ...given, k: 100 })).hits
    assert.deepEqual(
      found,
      all.slice(offset, offset + k).map(({ record }) => record.id),
    )
  }

  async #group({ group, query }: { group: string; query: number }): Promise<void> {
    const groupBy = { field: group, size: 100 }
    const { groups } = await this.#galleries.searches.search(this.#name, { vector: vectors[query]!, k: 100, groupBy })
    const expected = new Map<unknown, string[]>()
    for (const [id, plain] of this.#plain)
      for (const key of new Set(fieldValues(plain, group))) expected.set(key, [...(expected.get(key) ?? []), id].sort())
    const found = groups!.map(({ key, hits }) => [key, hits.map(({ record }) => record.id).sort()] as const)
    assert.equal(found.length, expected.size)
    for (const [key, members] of found) assert.deepEqual(members, expected.get(key))
  }

  async #list(limit: number, filter: Filter | undefined): Promise<void> {
    const found: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await this.#galleries.images.page(this.#name, { limit, after, filter })
      found.push(...page.images.map(({ id }) => id))
      if (page.next === undefined) break
      after = page.next
    }
    assert.deepEqual(found, inOrder(this.#fitting(filter)))
  }

  async #listLabel(label: string | null): Promise<void> {
    const { images } = await this.#galleries.images.page(this.#name, { label })
    const expected = [...this.#plain].filter(([, plain]) => plain.label === label)
    assert.deepEqual(
      images.map(({ id }) => id),
      inOrder(expected),
    )
    const counted = (await this.#galleries.images.labels(this.#name)).find((one) => one.label === label)
    assert.equal(counted?.count ?? 0, expected.length)
  }

  async #count(filter: Filter): Promise<void> {
    assert.equal(await this.#galleries.images.countFitting(this.#name, filter), this.#fitting(filter).length)
    const [{ count } = { count: undefined }] = (await this.#galleries.list()).filter(({ name }) => name === this.#name)
    assert.equal(count, this.#plain.size)
  }
}

function scoreOf(vector: Float32Array, { vector: other }: Plain): number {
  return vector.reduce((sum, value, i) => sum + value * other[i]!, 0)
}

/** In UTF-8 order. */
function inOrder(images: [string, Plain][]): string[] {
  return images.map(([id]) => id).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** `SEQUENCES=2000 SEQUENCE_STEPS=100 SEQUENCE_SEED=7`: longer than in `npm test`, and others. */
const { SEQUENCES, SEQUENCE_STEPS = '40', SEQUENCE_SEED = '1' } = process.env

/** @param usualRuns unless `SEQUENCES` says otherwise */
export function randomSequencesSuite(engine: TestedEngine, usualRuns: number): void {
  const [runs, maxLength, seed] = [Number(SEQUENCES ?? usualRuns), Number(SEQUENCE_STEPS), Number(SEQUENCE_SEED)]
  test(`${runs} random sequences of calls answer as plain loops over plain records do`, async (t: TestContext) => {
    const place = await engine.newPlace(t)
    let galleries = await engine.open(t, place)
    const reopen = async () => {
      await galleries.close()
      return (galleries = await engine.open(t, place))
    }
    let run = 0
    const property = fc.asyncProperty(fc.array(step, { maxLength, size: 'max' }), async (sequence) => {
      const name = `run-${run++}`
      await galleries.create(name)
      const compared = new Compared(name, galleries, reopen)
      try {
        for (const one of sequence) await compared.take(one)
      } finally {
        await galleries.delete(name)
      }
    })
    await fc.assert(property, { numRuns: runs, seed })
  })
}

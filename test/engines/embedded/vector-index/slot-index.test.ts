import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { mock, test } from 'node:test'
import { SlotIndex } from '../../../../src/engines/embedded/vector-index/slot-index.js'
import { SlotVectorStore } from '../../../../src/engines/embedded/vector-index/slot-vectors.js'
import { indexDefaults, type SearchResult } from '../../../../src/engines/embedded/vector-index/vector-index.js'
import { packed, seededRandom, unitVectors } from './unit-vectors.js'

const dimension = 32
const settings = { ...indexDefaults, efConstruction: 100, exactBelow: 300, tombstoneMinimum: 50 }
const makeVector = unitVectors({ dimension, seed: 7 })
const vectors = Array.from({ length: 4_000 }, makeVector)
const queries = Array.from({ length: 40 }, makeVector)

const slotsOf = (result: SearchResult): number[] => result.neighbours.map(({ slot }) => slot)
const finish = (index: SlotIndex): void => void (index.work(Infinity) && assert.fail('work without end'))

function fullIndex(): SlotIndex {
  const index = new SlotIndex(dimension, settings)
  const { slots, vectors: values } = packed(vectors)
  index.add(slots, values)
  finish(index)
  return index
}

/** An empty index with the graph of another, as read from its cache. */
async function fromCacheOf(index: SlotIndex): Promise<SlotIndex> {
  const reopened = new SlotIndex(dimension, settings)
  const graph = reopened.newGraph(index.graph!.count)
  await graph.take(Readable.from(index.graph!.blocks()), index.graph!.count)
  reopened.serve(graph)
  return reopened
}

/** Recall against the exact scan, including the checks that apply to every answer. */
function recall(index: SlotIndex, k: number, allow?: Uint32Array, expectedMethod?: 'exact' | 'hnsw'): number {
  let found = 0
  let wanted = 0
  for (const vector of queries) {
    const exact = index.search({ vector, k, exact: true, ...(allow && { allow }) })
    const result = index.search({ vector, k, ...(allow && { allow }) })
    if (expectedMethod !== undefined) assert.equal(result.method, expectedMethod)
    assert.equal(result.neighbours.length, exact.neighbours.length)
    const truth = new Map(exact.neighbours.map(({ slot, score }) => [slot, score]))
    for (const { slot, score } of result.neighbours) {
      if (truth.has(slot)) assert.equal(score, truth.get(slot), 'scores are exact')
      found += Number(truth.has(slot))
    }
    for (let i = 1; i < result.neighbours.length; i++) {
      const [above, below] = [result.neighbours[i - 1]!, result.neighbours[i]!]
      assert.ok(above.score > below.score || (above.score === below.score && above.slot < below.slot))
    }
    wanted += truth.size
  }
  return found / wanted
}

test('the graph finds what the exact scan finds', () => {
  const index = fullIndex()
  assert.deepEqual(index.reading, { size: 4_000, tombstones: 0, pending: 0, building: false, rebuilds: 1 })
  assert.ok(recall(index, 10, undefined, 'hnsw') >= 0.98)
  assert.ok(recall(index, 100) >= 0.98)
})

test('a small index has no graph and is scanned', () => {
  const index = new SlotIndex(dimension, settings)
  const { slots, vectors: values } = packed(vectors.slice(0, 300))
  index.add(slots, values)
  finish(index)
  assert.equal(index.graph, undefined)
  assert.equal(recall(index, 10, undefined, 'exact'), 1)
})

test('k beyond the size returns everything, and an empty index nothing', () => {
  const index = fullIndex()
  assert.equal(index.search({ vector: queries[0]!, k: 1_000_000_000 }).neighbours.length, 4_000)
  const empty = new SlotIndex(dimension, settings)
  assert.deepEqual(empty.search({ vector: queries[0]!, k: 10 }), { neighbours: [], method: 'exact' })
})

test('a vector is found before it is linked into the graph', () => {
  const index = fullIndex()
  const fresh = makeVector()
  const { slots, vectors: values } = packed([fresh], 4_000)
  index.add(slots, values)
  assert.equal(index.reading.pending, 1)
  const result = index.search({ vector: fresh, k: 1 })
  assert.deepEqual([result.method, slotsOf(result)], ['hnsw', [4_000]])
  finish(index)
  assert.equal(index.reading.pending, 0)
  assert.deepEqual(slotsOf(index.search({ vector: fresh, k: 1 })), [4_000])
})

test('a vector that is linked loses its code: only waiting ones count as coded', () => {
  const index = new SlotIndex(dimension, { ...settings, codedFrom: 1_000 })
  const { slots, vectors: values } = packed(vectors)
  const encode = mock.method(SlotVectorStore.prototype, 'encode')
  index.add(slots, values)
  while (index.reading.pending > 3_000) index.work(performance.now() + 1)
  const store = encode.mock.calls[0]!.this as SlotVectorStore
  encode.mock.restore()
  const { pending, size } = index.reading
  assert.ok(pending < size, 'some are linked')
  assert.equal(store.coded, pending)
})

test('the first graph serves while it grows, and codes preselect among the waiting vectors', () => {
  const index = new SlotIndex(dimension, { ...settings, codedFrom: 1_000 })
  const { slots, vectors: values } = packed(vectors)
  index.add(slots, values)
  assert.equal(index.search({ vector: queries[0]!, k: 10 }).method, 'exact', 'nothing is linked yet')
  while (index.reading.pending > 3_700) index.work(performance.now() + 1)
  assert.equal(index.reading.building, true)

  const score = mock.method(SlotVectorStore.prototype, 'scoreSlots')
  const found = index.search({ vector: queries[0]!, k: 10 })
  const compared = score.mock.calls.reduce((sum, call) => sum + call.arguments[1].length, 0)
  score.mock.restore()
  assert.equal(found.method, 'hnsw')
  assert.ok(compared < 2_000, `${compared} of 4,000 were compared in full`)

  const fresh = makeVector()
  index.add(Uint32Array.of(4_000), fresh)
  assert.deepEqual(slotsOf(index.search({ vector: fresh, k: 1 })), [4_000], 'even without a code')
  const [removed] = slotsOf(index.search({ vector: queries[1]!, k: 1, exact: true }))
  index.remove(Uint32Array.of(removed!))
  assert.ok(!slotsOf(index.search({ vector: queries[1]!, k: 100 })).includes(removed!))
  const evenSlots = Uint32Array.from({ length: 2_000 }, (_, i) => 2 * i)
  while (index.work(performance.now() + 20)) {
    assert.ok(recall(index, 10) >= 0.98)
    assert.ok(recall(index, 10, evenSlots) >= 0.98)
  }
  assert.deepEqual(index.reading, { size: 4_000, tombstones: 0, pending: 0, building: false, rebuilds: 1 })
})

test('a graph written while growing continues to grow from its cache', async () => {
  const index = new SlotIndex(dimension, settings)
  const { slots, vectors: values } = packed(vectors)
  index.add(slots, values)
  while (index.reading.pending > 3_000) index.work(performance.now() + 1)
  const linked = 4_000 - index.reading.pending
  const reopened = await fromCacheOf(index)
  reopened.add(slots, values)
  assert.equal(reopened.settle(), true)
  assert.deepEqual([reopened.reading.pending, reopened.graph!.count], [4_000 - linked, linked])
  finish(reopened)
  assert.equal(reopened.reading.pending, 0)
  assert.ok(recall(reopened, 10, undefined, 'hnsw') >= 0.98)
})

test('slots removed after the graph was written leave recall as it was, and their rows are used again', async () => {
  const index = fullIndex()
  const random = seededRandom(3)
  const doomed = Uint32Array.from(vectors.map((_, slot) => slot).filter(() => random() < 0.19))
  const reopened = await fromCacheOf(index)
  const left = vectors.map((_, slot) => slot).filter((slot) => !doomed.includes(slot))
  for (const slot of left) reopened.add(Uint32Array.of(slot), vectors[slot]!)
  assert.equal(reopened.settle(), true)
  index.remove(doomed)
  assert.deepEqual(reopened.reading, { ...index.reading, rebuilds: 0 })
  const [before, after] = [recall(index, 10, undefined, 'hnsw'), recall(reopened, 10, undefined, 'hnsw')]
  assert.ok(after >= 0.98 && after >= before - 0.005, `${after} after, ${before} before`)
  reopened.remove(Uint32Array.from(left.slice(0, 100)))
  finish(reopened)
  assert.deepEqual([reopened.reading.tombstones, reopened.reading.rebuilds], [0, 1], 'rebuilt')
  const fresh = packed(Array.from({ length: 200 }, makeVector), 4_000)
  reopened.add(fresh.slots, fresh.vectors)
  assert.ok(recall(reopened, 10) >= 0.98)
})

test('a graph linked with other vectors is dropped', async () => {
  const reopened = await fromCacheOf(fullIndex())
  const { slots, vectors: values } = packed(vectors.toReversed())
  reopened.add(slots, values)
  assert.equal(reopened.settle(), false)
  assert.equal(reopened.graph, undefined)
  assert.equal(recall(reopened, 10, undefined, 'exact'), 1)
})

test('the row of a removed slot holds its vector until no graph refers to it', () => {
  const index = fullIndex()
  const add = mock.method(SlotVectorStore.prototype, 'add')
  index.remove(Uint32Array.from({ length: 40 }, (_, slot) => slot))
  const fresh = packed(Array.from({ length: 60 }, makeVector), 4_000)
  index.add(fresh.slots, fresh.vectors)
  const store = add.mock.calls[0]!.this as SlotVectorStore
  add.mock.restore()
  assert.equal(Math.min(...fresh.slots.map((slot) => store.row(slot))), 4_000, 'new rows')
  index.remove(Uint32Array.from({ length: 800 }, (_, i) => 100 + i))
  finish(index)
  assert.equal(index.reading.tombstones, 0)
  index.add(Uint32Array.of(5_000), vectors[0]!)
  assert.ok(store.row(5_000) < 4_000, 'a free row')
})

test('removed slots never return, even if they are added again', () => {
  const index = fullIndex()
  const removed = slotsOf(index.search({ vector: queries[0]!, k: 50, exact: true }))
  index.remove(Uint32Array.from(removed))
  const again = packed(removed.map((slot) => vectors[slot]!))
  index.add(Uint32Array.from(removed), again.vectors)
  finish(index)
  assert.equal(index.reading.size, 3_950)
  for (const exact of [true, false]) {
    const found = slotsOf(index.search({ vector: queries[0]!, k: 500, exact }))
    assert.deepEqual(
      found.filter((slot) => removed.includes(slot)),
      [],
    )
    assert.equal(found.length, 500)
  }
})

test('a slot removed before it was added stays removed', () => {
  const index = new SlotIndex(dimension, settings)
  index.remove(Uint32Array.of(3))
  const { slots, vectors: values } = packed(vectors.slice(0, 5))
  index.add(slots, values)
  assert.deepEqual(slotsOf(index.search({ vector: vectors[3]!, k: 10 })).sort(), [0, 1, 2, 4])
})

test('with most of the gallery deleted, searches return k hits whenever k exist', () => {
  const index = fullIndex()
  const random = seededRandom(1)
  const doomed = vectors.map((_, slot) => slot).filter(() => random() < 0.5)
  index.remove(Uint32Array.from(doomed))
  // Before the rebuild: half the graph's nodes are tombstones.
  assert.equal(index.reading.tombstones, doomed.length)
  assert.ok(recall(index, 10) >= 0.98)
  finish(index)
  assert.deepEqual(
    { ...index.reading },
    { size: 4_000 - doomed.length, tombstones: 0, pending: 0, building: false, rebuilds: 2 },
  )
  assert.ok(recall(index, 10, undefined, 'hnsw') >= 0.98)
})

test('a gallery that has become small drops its graph', () => {
  const index = fullIndex()
  index.remove(Uint32Array.from({ length: 3_900 }, (_, slot) => slot))
  assert.equal(index.search({ vector: queries[0]!, k: 200 }).neighbours.length, 100)
  finish(index)
  assert.equal(index.graph, undefined)
  assert.equal(recall(index, 10, undefined, 'exact'), 1)
})

test('adds and removes during a rebuild are in the rebuilt graph', () => {
  const index = fullIndex()
  index.remove(Uint32Array.from({ length: 1_500 }, (_, slot) => slot))
  index.work(performance.now() + 5)
  assert.equal(index.reading.building, true)
  index.remove(Uint32Array.from({ length: 100 }, (_, i) => 1_600 + i))
  const fresh = Array.from({ length: 100 }, makeVector)
  const { slots, vectors: values } = packed(fresh, 4_000)
  index.add(slots, values)
  while (index.work(performance.now() + 5)) assert.ok(recall(index, 5) >= 0.95)
  assert.deepEqual([index.reading.size, index.reading.pending, index.reading.building], [2_500, 0, false])
  assert.deepEqual(slotsOf(index.search({ vector: fresh[42]!, k: 1 })), [4_042])
  const all = new Set(slotsOf(index.search({ vector: queries[0]!, k: 5_000 })))
  assert.equal(all.size, 2_500)
  assert.ok(![...all].some((slot) => slot < 1_500 || (slot >= 1_600 && slot < 1_700)))
})

for (const share of [0.9, 0.5, 0.1, 0.01, 0.001]) {
  test(`a filter that passes ${share * 100} % keeps recall`, () => {
    const index = fullIndex()
    const random = seededRandom(5)
    const allow = Uint32Array.from(vectors.map((_, slot) => slot).filter(() => random() < share))
    assert.ok(recall(index, 10, allow) >= 0.98)
    for (const { slot } of index.search({ vector: queries[0]!, k: 10, allow }).neighbours)
      assert.ok(allow.includes(slot))
  })
}

test('a shorter answer of the same depth is a prefix of a longer one, with removed slots and filters too', () => {
  const index = fullIndex()
  const random = seededRandom(9)
  const allow = Uint32Array.from(vectors.map((_, slot) => slot).filter(() => random() < 0.8))
  for (const removed of [0, 300]) {
    index.remove(Uint32Array.from({ length: removed }, (_, i) => i * 5))
    for (const filter of [{}, { allow }, { ef: 80 }]) {
      for (const vector of queries) {
        const whole = index.search({ vector, k: 72, depth: 72, ...filter })
        assert.deepEqual([whole.method, whole.neighbours.length], ['hnsw', 72])
        assert.deepEqual(index.search({ vector, k: 500, depth: 72, ...filter }), whole)
        for (const k of [1, 18, 33, 71])
          assert.deepEqual(index.search({ vector, k, depth: 72, ...filter }), {
            ...whole,
            neighbours: whole.neighbours.slice(0, k),
          })
      }
    }
  }
  assert.equal(index.search({ vector: queries[0]!, k: 500, depth: 72, exact: true }).neighbours.length, 500)
})

test('vectors whose length deviates slightly from 1 score the cosine, and the graph finds what the scan finds', () => {
  const random = seededRandom(10)
  // rounded as in half-precision networks
  const rough = vectors.map((vector) => vector.map((value) => value * (1 + (random() - 0.5) * 0.008)))
  const index = new SlotIndex(dimension, settings)
  const { slots, vectors: values } = packed(rough)
  index.add(slots, values)
  finish(index)
  for (const [slot, vector] of rough.slice(0, 200).entries()) {
    const [first] = index.search({ vector, k: 1 }).neighbours
    assert.deepEqual(first, { slot, score: 1 })
    assert.equal(index.compare(Uint32Array.of(slot), Uint32Array.of(slot))[0], 1)
  }
  assert.ok(recall(index, 10, undefined, 'hnsw') >= 0.98)
})

test('a filter makes the graph search no more candidates than needed', () => {
  const index = fullIndex()
  const random = seededRandom(6)
  const half = Uint32Array.from(vectors.map((_, slot) => slot).filter(() => random() < 0.5))
  const { ef: open } = index.search({ vector: queries[0]!, k: 10 })
  const { ef: filtered, method } = index.search({ vector: queries[0]!, k: 10, allow: half })
  assert.equal(method, 'hnsw')
  assert.ok(filtered! < 1.5 * open!, `${filtered} candidates with a filter that passes half, ${open} without`)
})

test('stored vectors are compared with each other, and removed ones score −1', () => {
  const index = fullIndex()
  index.remove(Uint32Array.of(5))
  const rows = Uint32Array.of(3, 5, 9)
  const columns = Uint32Array.of(9, 3, 4_500, 5)
  const scores = index.compare(rows, columns)
  const expected = [...rows].flatMap((row) =>
    [...columns].map((column) => {
      if ([row, column].some((slot) => slot === 5 || slot >= 4_000)) return -1
      return vectors[row]!.reduce((sum, value, i) => sum + value * vectors[column]![i]!, 0)
    }),
  )
  assert.equal(scores.length, 12)
  expected.forEach((score, i) => assert.ok(Math.abs(scores[i]! - score) < 1e-6))
})

test('a filter that excludes everything nearby still returns k hits', () => {
  const index = fullIndex()
  const far = slotsOf(index.search({ vector: queries[0]!, k: 4_000, exact: true })).slice(2_000)
  const allow = Uint32Array.from(far).sort()
  const result = index.search({ vector: queries[0]!, k: 10, allow })
  assert.deepEqual(slotsOf(result), far.slice(0, 10))
})

test('a picture that is stored thousands of times hides no other, and each of it is found', async () => {
  const index = new SlotIndex(dimension, settings)
  const same = makeVector()
  // one by one with the others, before all of them, and behind them
  for (const [firstSlot, stored] of [
    [0, Array.from({ length: 1_000 }, () => same)],
    [1_000, vectors.slice(0, 2_000).flatMap((vector) => [vector, same])],
    [5_000, Array.from({ length: 1_000 }, () => same)],
  ] as const) {
    const { slots, vectors: values } = packed([...stored], firstSlot)
    index.add(slots, values)
    finish(index)
  }
  const isFoundIn = (searched: SlotIndex, count: number) => {
    assert.ok(recall(searched, 10, undefined, 'hnsw') > 0.97)
    const allow = Uint32Array.from({ length: 2_000 }, (_, i) => 1_000 + 2 * i)
    assert.ok(recall(searched, 10, allow) > 0.97)
    const found = searched.search({ vector: same, k: count, ef: count + 50 })
    assert.deepEqual([found.method, found.neighbours.length], ['hnsw', count])
    assert.ok(
      found.neighbours.every(
        ({ score }, i) => score === 1 && (i === 0 || found.neighbours[i - 1]!.slot < found.neighbours[i]!.slot),
      ),
    )
  }
  isFoundIn(index, 500)
  const reopened = await fromCacheOf(index)
  // the first of them, which all others share a node with, is gone
  index.remove(Uint32Array.of(0, 1))
  for (const slot of Array.from({ length: 5_998 }, (_, i) => i + 2))
    reopened.add(Uint32Array.of(slot), index.vectorsOf(Uint32Array.of(slot)).vectors)
  assert.ok(reopened.settle())
  for (const one of [index, reopened]) {
    isFoundIn(one, 500)
    assert.ok(one.search({ vector: same, k: 500 }).neighbours.every(({ slot }) => slot > 1))
    one.add(Uint32Array.of(6_000), same)
    finish(one)
    const { neighbours } = one.search({ vector: same, k: 5_000, exact: true })
    assert.equal(neighbours.filter(({ score }) => score === 1).length, 3_999)
    isFoundIn(one, 500)
  }
})

test('pictures that were stored scene by scene find themselves', () => {
  const index = new SlotIndex(dimension, settings)
  const random = seededRandom(11)
  const moved = (vector: Float32Array, by: number) => {
    const near = vector.map((value) => value + by * (random() - 0.5))
    const length = Math.hypot(...near)
    return near.map((value) => value / length)
  }
  const frames = Array.from({ length: 20 }, () => {
    let frame = moved(new Float32Array(dimension), 1)
    return Array.from({ length: 250 }, () => (frame = moved(frame, 0.03)))
  }).flat()
  const { slots, vectors: values } = packed(frames)
  index.add(slots, values)
  finish(index)
  const lost = frames.filter((vector, slot) => {
    const { method, neighbours } = index.search({ vector, k: 10, depth: 64 })
    assert.equal(method, 'hnsw')
    return !neighbours.some((one) => one.slot === slot)
  })
  assert.ok(lost.length < 0.01 * frames.length, `${lost.length} of ${frames.length} are lost`)
})

test('equal vectors are ordered by slot', () => {
  const index = new SlotIndex(dimension, settings)
  const same = vectors[0]!
  const { slots, vectors: values } = packed([same, vectors[1]!, same, same, vectors[2]!, same])
  index.add(slots, values)
  assert.deepEqual(slotsOf(index.search({ vector: same, k: 3 })), [0, 2, 3])
})

test('the neighbours of slots are what a search finds, excluding the picture itself', () => {
  const index = fullIndex()
  index.remove(Uint32Array.of(5))
  const asked = Uint32Array.of(0, 5, 17)
  const { answered, counts, slots, scores, byGraph } = index.neighbours({ slots: asked, k: 4 }, Infinity)
  assert.deepEqual([answered, byGraph, [...counts]], [3, 2, [4, 0, 4]])
  for (const row of [0, 2]) {
    const own = asked[row]!
    const others = index.search({ vector: vectors[own]!, k: 5 }).neighbours.filter(({ slot }) => slot !== own)
    assert.equal(others.length, 4)
    assert.deepEqual(
      [...slots.subarray(row * 4, row * 4 + 4)],
      others.map(({ slot }) => slot),
    )
    assert.deepEqual(
      [...scores.subarray(row * 4, row * 4 + 4)],
      others.map(({ score }) => Math.fround(score)),
    )
  }
})

test('a slice without time answers one slot, so that repeated calls always progress', () => {
  const index = fullIndex()
  const found = index.neighbours({ slots: Uint32Array.of(3, 4, 6), k: 2 }, -Infinity)
  assert.deepEqual([found.answered, found.slots.length], [1, 2])
})

test('nearly identical pictures are ordered by exact score, on a short page too', () => {
  const index = fullIndex()
  // A hundred around one point, closer together than float32 sums can distinguish.
  const centre = makeVector()
  const near = Array.from({ length: 100 }, (_, n) => {
    const moved = centre.map((value, i) => value + (i === n % dimension ? 3e-8 * (n + 1) : 0))
    const length = Math.hypot(...moved)
    return moved.map((value) => value / length)
  })
  const added = packed(near, 4_000)
  index.add(added.slots, added.vectors)
  finish(index)
  for (const k of [1, 5, 20, 60]) {
    const exact = index.search({ vector: centre, k, exact: true })
    const graph = index.search({ vector: centre, k, ef: 300 })
    assert.equal(graph.method, 'hnsw')
    assert.deepEqual(graph.neighbours, exact.neighbours)
  }
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { dot } from '../../../../src/cosine.js'
import {
  fastestNativeIndex,
  type NativeGraph,
  type NativeIndex,
  type NativeRows,
} from '../../../../src/engines/embedded/vector-index/native-index.js'
import { hasAvx2, loadNative, type NativeBuild } from '../../../../src/native-build.js'
import { unitVectors } from './unit-vectors.js'

const core = (flags: string) => `processor\t: 0\nflags\t\t: ${flags}\nbogomips\t: 4000\n`

const processors: [cpuinfo: string, fits: boolean][] = [
  [core('fpu sse2 avx avx2 fma'), true],
  [core('fpu avx2 fma') + core('fpu avx2 fma'), true],
  [core('fpu avx2 fma') + core('fpu avx'), false],
  [core('fpu sse2 avx avx2'), false],
  [core('fpu fma avx2x'), false],
  ['', false],
  ['processor\t: 0\nFeatures\t: fp asimd\n', false],
]
for (const [cpuinfo, fits] of processors)
  test(`${JSON.stringify(cpuinfo)} ${fits ? 'gets' : 'does not get'} the AVX2 build`, () =>
    assert.equal(hasAvx2(cpuinfo), fits))

const { build } = fastestNativeIndex()
const builds: NativeBuild[] = build === 'avx2' ? ['portable', 'avx2'] : ['portable']

test('on an unsuitable processor the portable build is loaded', () => {
  if (!hasAvx2(cpuinfoHere())) assert.equal(build, 'portable')
})

/** Vectors in rows from 0 on. */
function rowsOf(native: NativeIndex, vectors: Float32Array[], perBlock = 64): NativeRows {
  const dimension = vectors[0]!.length
  const rows = new native.Rows(dimension, perBlock)
  for (let first = 0; first < vectors.length; first += perBlock) {
    const block = rows.addBlock()
    vectors.slice(first, first + perBlock).forEach((vector, i) => block.set(vector, i * dimension))
  }
  return rows
}

function graphOf(native: NativeIndex, rows: NativeRows, count: number): NativeGraph {
  const graph = new native.Graph(rows, 16, 200, 10)
  for (let slot = 0; slot < count; slot++) graph.insert(slot, slot)
  return graph
}

test('both builds find the same and differ only by rounding', {
  skip: build === 'portable' && 'the install has no second build, or the processor cannot run it',
}, () => {
  const make = unitVectors({ dimension: 67, seed: 3, clusters: 8, latent: 16 })
  const stored = Array.from({ length: 500 }, make)
  const asked = Array.from({ length: 20 }, make)
  const found = (which: NativeBuild) => {
    const native = loadNative<NativeIndex>('alike', which)
    const graph = graphOf(native, rowsOf(native, stored), stored.length)
    return asked.map((vector) => {
      const [slots, scores] = [new Uint32Array(10), new Float32Array(10)]
      assert.equal(graph.search(vector, 500, slots, scores), 10)
      return { slots: [...slots], scores }
    })
  }
  const [portable, avx2] = [found('portable'), found('avx2')]
  assert.deepEqual(
    avx2.map(({ slots }) => slots),
    portable.map(({ slots }) => slots),
  )
  for (const [query, { scores }] of portable.entries())
    for (const [rank, score] of scores.entries()) assert.ok(Math.abs(score - avx2[query]!.scores[rank]!) < 1e-6)
})

for (const which of builds) {
  const native = loadNative<NativeIndex>('alike', which)

  for (const dimension of [1, 3, 4, 31, 67, 512, 527]) {
    test(`the ${which} build multiplies ${dimension} dimensions as cosine.ts does, to the last bit`, () => {
      const make = unitVectors({ dimension, seed: 5 })
      const stored = Array.from({ length: 203 }, make)
      const [query, rows] = [make(), rowsOf(native, stored)]
      const expected = stored.map((vector) => dot(query, vector, 0))
      const all = new Float64Array(203)
      rows.products(query, 0, all)
      assert.deepEqual([...all], expected)
      const some = new Float64Array(7)
      const wanted = Uint32Array.of(200, 3, 3, 77, 0, 64, 202, 9)
      rows.productsOf(query, wanted, some)
      assert.deepEqual(
        [...some],
        [...wanted.subarray(0, 7)].map((row) => expected[row]),
      )
    })
  }

  for (const dimension of [512, 527, 130]) {
    test(`codes of ${dimension} bits in the ${which} build estimate without bias, with an error of about 1/√dimension`, () => {
      const make = unitVectors({ dimension, seed: 3 })
      const stored = Array.from({ length: 64 }, make)
      const codes = new native.Codes(rowsOf(native, stored))
      for (let row = 0; row < 50; row++) codes.set(row)
      let [sum, squares, count] = [0, 0, 0]
      const estimates = new Float32Array(64)
      for (let i = 0; i < 40; i++) {
        const query = make()
        codes.ask(query)
        codes.estimates(0, estimates)
        for (let row = 0; row < 50; row++) {
          const error = estimates[row]! - dot(query, stored[row]!, 0)
          sum += error
          squares += error * error
          count++
        }
      }
      assert.ok(estimates.subarray(50).every(Number.isNaN), 'rows without a code have no estimate')
      assert.ok(Math.abs(sum / count) < 0.2 / Math.sqrt(dimension), `bias ${sum / count}`)
      assert.ok(Math.sqrt(squares / count) < 1 / Math.sqrt(dimension), `error ${Math.sqrt(squares / count)}`)
    })
  }

  test(`in the ${which} build a vector concentrated in one dimension is estimated as well as any other`, () => {
    const unit = (at: number) => Float32Array.from({ length: 512 }, (_, i) => (i === at ? 1 : 0))
    const codes = new native.Codes(rowsOf(native, [unit(7)]))
    codes.set(0)
    const estimate = (query: Float32Array) => {
      const out = new Float32Array(1)
      codes.ask(query)
      codes.estimates(0, out)
      return out[0]!
    }
    assert.ok(Math.abs(estimate(unit(7)) - 1) < 1e-5, 'the query itself has no error')
    assert.ok(Math.abs(estimate(unit(8))) < 0.2)
    codes.clear(0)
    assert.equal(codes.size, 0)
    assert.ok(Number.isNaN(estimate(unit(7))))
  })

  test(`wrong arguments are errors in the ${which} build`, () => {
    const stored = Array.from({ length: 70 }, unitVectors({ dimension: 8, seed: 1 }))
    const rows = rowsOf(native, stored)
    const graph = graphOf(native, rows, 70)
    const codes = new native.Codes(rows)
    const [query, ten, tenScores] = [stored[0]!, new Uint32Array(10), new Float32Array(10)]
    const any = (value: unknown) => value as never
    const wrong: (() => unknown)[] = [
      () => new native.Rows(0, 64),
      () => new native.Rows(8, 2 ** 40),
      () => new native.Rows(2 ** 31, 2 ** 31).addBlock(),
      () => new native.Graph(any({}), 16, 200, 10),
      () => new native.Graph(rows, 1, 200, 10),
      () => new native.Graph(rows, 16, 200, -1),
      () => graph.insert(3, 3),
      () => graph.insert(1_000, 128),
      () => graph.insert(-1, 0),
      () => graph.insert(2 ** 32, 0),
      () => graph.insert(any('1'), 0),
      () => graph.search(new Float32Array(7), 10, ten, tenScores),
      () => graph.search(any(new Float64Array(8)), 10, ten, tenScores),
      () => graph.search(query, 0, ten, tenScores),
      () => graph.search(query, 10, ten, new Float32Array(9)),
      () => graph.search(any(undefined), 10, ten, tenScores),
      () => graph.nodes(0, 71),
      () => graph.attach(3, 3),
      () => graph.take(graph.nodes(0, 1), 70),
      () => rows.products(query, 120, new Float64Array(9)),
      () => rows.productsOf(query, Uint32Array.of(128), new Float64Array(1)),
      () => rows.productsOf(query, Uint32Array.of(1), new Float64Array(2)),
      () => codes.set(128),
      () => codes.estimates(0, tenScores),
      () => codes.ask(new Float32Array(9)),
    ]
    for (const call of wrong) assert.throws(call, Error, String(call))
    assert.equal(graph.search(query, 10, ten, tenScores), 10)
    assert.equal(ten[0], 0)
    graph.release()
    assert.throws(() => graph.search(query, 10, ten, tenScores), /released/)
  })

  test(`however the words of a graph are changed, the ${which} build takes a sound graph or none`, () => {
    const makeVector = unitVectors({ dimension: 8, seed: 1 })
    const stored = Array.from({ length: 300 }, makeVector)
    // some slots share a node
    for (let i = 7; i < 300; i += 9) stored[i] = stored[i % 4]!
    const rows = rowsOf(native, stored)
    const words = graphOf(native, rows, 300).nodes(0, 300)
    const [slots, scores] = [new Uint32Array(300), new Float32Array(300)]
    let [taken, refused] = [0, 0]
    for (const at of [...changedOf(words.length - 100, 29), ...changedOf(100, 3).map((i) => words.length - 1 - i)]) {
      for (const value of [0, 1, 40, 299, 300, 2 ** 32 - 1]) {
        const changed = words.slice()
        changed[at] = value
        const graph = new native.Graph(rows, 16, 200, 300)
        try {
          graph.take(changed, 300)
          graph.check(300)
        } catch {
          refused++
          assert.throws(() => graph.search(stored[0]!, 300, slots, scores), /incomplete/)
          continue
        } finally {
          if (at % 2 !== 0) graph.release()
        }
        if (at % 2 !== 0) continue
        taken++
        for (let slot = 0; slot < 300; slot += 2) {
          try {
            graph.attach(slot, slot)
          } catch {} // the slot was the word that changed
        }
        graph.settle()
        for (const query of stored.slice(0, 5)) graph.search(query, 300, slots, scores)
        graph.insert(1_000, 0)
      }
    }
    assert.ok(taken > 100 && refused > 100, `${taken} taken, ${refused} refused`)
  })
}

/** Every so many words; the last hundred are those of slots that share a node. */
function changedOf(length: number, step: number): number[] {
  return Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step)
}

test('rows live as long as a graph refers to them', async () => {
  const native = loadNative<NativeIndex>('alike', 'portable')
  const stored = Array.from({ length: 300 }, unitVectors({ dimension: 64, seed: 1 }))
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const graphs = Array.from({ length: 20 }, () => graphOf(native, rowsOf(native, stored), 300))
  for (let i = 0; i < 5; i++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  // what would lie where they were
  const others = rowsOf(
    native,
    Array.from({ length: 3_000 }, () => new Float32Array(64).fill(1)),
  )
  for (const graph of graphs) {
    const [slots, scores] = [new Uint32Array(1), new Float32Array(1)]
    graph.search(stored[200]!, 300, slots, scores)
    assert.deepEqual([slots[0], Math.abs(scores[0]! - 1) < 1e-5], [200, true])
  }
  assert.ok(others)
})

function cpuinfoHere(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'latin1')
  } catch {
    return ''
  }
}

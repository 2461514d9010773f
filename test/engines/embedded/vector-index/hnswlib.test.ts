import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  fastestHnswlib,
  type HnswlibBuild,
  hasAvx2,
  loadHnswlib,
} from '../../../../src/engines/embedded/vector-index/hnswlib.js'
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

const { build } = fastestHnswlib()

test('on an unsuitable processor the portable build is loaded', () => {
  if (!hasAvx2(cpuinfoHere())) assert.equal(build, 'portable')
})

test('both builds find the same and differ only by rounding', {
  skip: build === 'portable' && 'the install has no second build, or the processor cannot run it',
}, () => {
  const make = unitVectors({ dimension: 67, seed: 3, clusters: 8, latent: 16 })
  const stored = Array.from({ length: 500 }, make)
  const asked = Array.from({ length: 20 }, make)
  const found = (which: HnswlibBuild) => {
    const graph = new (loadHnswlib(which).HierarchicalNSW)('ip', 67)
    graph.initIndex(stored.length, 16, 200)
    stored.forEach((vector, slot) => graph.addPoint([...vector], slot))
    graph.setEf(500)
    return asked.map((vector) => graph.searchKnn([...vector], 10))
  }
  const [portable, avx2] = [found('portable'), found('avx2')]
  assert.deepEqual(
    avx2.map(({ neighbors }) => neighbors),
    portable.map(({ neighbors }) => neighbors),
  )
  for (const [query, { distances }] of portable.entries())
    for (const [rank, distance] of distances.entries())
      assert.ok(Math.abs(distance - avx2[query]!.distances[rank]!) < 1e-6)
})

function cpuinfoHere(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'latin1')
  } catch {
    return ''
  }
}

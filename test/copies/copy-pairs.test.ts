import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeCopies, descriptorBytes, descriptorWords } from '../../src/copies/copy-descriptor.js'
import { type Described, everyCopyPair, findCopyPairs } from '../../src/copies/copy-pairs.js'
import { seededRandom } from '../../src/eval/random.js'
import { changedDescriptor, randomDescriptor } from '../support/copy-descriptors.js'

const duplicateScore = 0.4

function described(descriptors: readonly Uint8Array[]): Described {
  const bytes = new Uint8Array(descriptors.length * descriptorBytes)
  descriptors.forEach((descriptor, i) => bytes.set(descriptor, i * descriptorBytes))
  return {
    count: descriptors.length,
    words: new Uint32Array(bytes.buffer),
    hasFeatures: Uint8Array.from(descriptors, ({ byteLength }) => Number(byteLength > 0)),
  }
}

function found(gallery: Described, more: { onStep?: (share: number) => void } = {}): Map<string, number> {
  const pairs = new Map<string, number>()
  const key = (a: number, b: number) => `${Math.min(a, b)} ${Math.max(a, b)}`
  findCopyPairs(gallery, {
    duplicateScore,
    random: seededRandom(1),
    areJoined: (a, b) => pairs.has(key(a, b)),
    join: (a, b, score) => pairs.set(key(a, b), score),
    ...more,
  })
  return pairs
}

function every(gallery: Described): Map<string, number> {
  const pairs = new Map<string, number>()
  everyCopyPair(gallery, duplicateScore, (a, b, score) => pairs.set(`${a} ${b}`, score))
  return pairs
}

test('near-copies match those found by comparing all pairs, with the same scores', () => {
  const random = seededRandom(3)
  const originals = Array.from({ length: 900 }, () => randomDescriptor(random))
  const copies = [0.02, 0.08, 0.12].flatMap((share, at) =>
    originals.slice(at * 30, at * 30 + 30).map((descriptor) => changedDescriptor(descriptor, share, random)),
  )
  const gallery = described([...originals, ...copies, new Uint8Array(0), new Uint8Array(0)])
  const exact = every(gallery)
  assert.equal(exact.size, 90)
  const near = found(gallery)
  for (const [pair, score] of near) assert.equal(score, exact.get(pair))
  assert.ok(near.size >= 88, `${near.size} of 90`)
})

test('a mirror image is found', () => {
  const random = seededRandom(4)
  const [width, height] = [200, 150]
  const blobs = Array.from({ length: 25 }, () => ({
    x: random() * width,
    y: random() * height,
    radius: 8 + random() * 40,
    value: random() * 255,
  }))
  const draw = (turned: boolean) => {
    const rgb = new Uint8Array(width * height * 3)
    for (let at = 0; at < width * height; at++) {
      const [column, row] = [at % width, Math.floor(at / width)]
      const x = turned ? width - 1 - column : column
      rgb.fill(
        blobs.reduce((value, blob) => (Math.hypot(x - blob.x, row - blob.y) < blob.radius ? blob.value : value), 128),
        at * 3,
        at * 3 + 3,
      )
    }
    return describeCopies(rgb, width, height)
  }
  const gallery = described([draw(false), ...Array.from({ length: 200 }, () => randomDescriptor(random)), draw(true)])
  assert.deepEqual([...found(gallery).keys()], ['0 201'])
  assert.equal(gallery.words.length, 202 * descriptorWords)
})

test('a gallery consisting only of copies finishes in bounded time, as one group', () => {
  const random = seededRandom(5)
  const original = randomDescriptor(random)
  const gallery = described(Array.from({ length: 3_000 }, () => changedDescriptor(original, 0.01, random)))
  const groupOf = Array.from({ length: gallery.count }, (_, i) => i)
  const root = (i: number): number => (groupOf[i] === i ? i : (groupOf[i] = root(groupOf[i]!)))
  let compared = 0
  findCopyPairs(gallery, {
    duplicateScore,
    random: seededRandom(1),
    areJoined: (a, b) => root(a) === root(b),
    join: (a, b) => {
      compared++
      groupOf[root(a)] = root(b)
    },
  })
  assert.equal(new Set(groupOf.map((_, i) => root(i))).size, 1)
  assert.ok(compared < gallery.count, `${compared} joined`)
})

test('it reports progress, and throwing then ends it', () => {
  const random = seededRandom(6)
  const gallery = described(Array.from({ length: 50 }, () => randomDescriptor(random)))
  const shares: number[] = []
  found(gallery, { onStep: (share) => void shares.push(share) })
  assert.deepEqual(
    shares,
    shares.toSorted((a, b) => a - b),
  )
  assert.ok(shares.length > 10 && shares.at(-1)! < 1)
  assert.throws(
    () =>
      found(gallery, {
        onStep: () => {
          throw new Error('stop')
        },
      }),
    /stop/,
  )
  assert.equal(found(described([])).size, 0)
})

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import sharp from 'sharp'
import { descriptorBytes, descriptorWords, viewCounts } from '../../src/copies/copy-descriptor.js'
import {
  copiesOf,
  defaultDuplicateScore,
  mirroredSigns,
  nearCopyScore,
  queryWords,
  wordsOf,
} from '../../src/copies/near-copy-score.js'
import { wordsPerView } from '../../src/copies/sign-views.js'
import { seededRandom } from '../../src/eval/random.js'
import { type EditName, edited, edits } from '../../src/image/edits.js'
import { prepareImage } from '../../src/image/prepare.js'
import { changedDescriptor, randomDescriptor } from '../support/copy-descriptors.js'
import { drawScene } from '../support/drawn-scenes.js'

const preprocessing = {
  inputSize: 224,
  fit: 'cover' as const,
  resizeShortSide: 224,
  kernel: 'cubic' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const count = 100
const editedCount = 25

async function descriptorOf(bytes: Uint8Array): Promise<Uint8Array> {
  return (await prepareImage(bytes, { preprocessing, maxPixels: 1e8, copies: true })).describe!()
}

const scenes: { bytes: Buffer; words: Uint32Array }[] = []
before(async () => {
  for (let i = 0; i < count; i++) {
    const bytes = await drawScene(i)
    scenes.push({ bytes, words: wordsOf(await descriptorOf(bytes))! })
  }
})

/** As stated for photographs in docs/search.md; drawn scenes are not easier. */
const recallMin: Record<EditName, number> = {
  'half size': 0.95,
  'quarter size': 0.95,
  'JPEG quality 40': 0.95,
  'WebP quality 60': 0.95,
  '5 % cut off each side': 0.95,
  '10 % cut off each side': 0.95,
  '10 % cut off the left': 0.95,
  '10 % cut off a corner': 0.95,
  '30 % brighter': 0.95,
  'more contrast': 0.95,
  grey: 0.95,
  mirrored: 0.95,
  'white border of 8 %': 0.95,
  'black border of 20 %': 0.95,
  'text on it': 0.95,
  'mirrored, half size, quality 60': 0.95,
  'turned by 2°': 0.85,
  '15 % cut off each side': 0.8,
  'middle square': 0.85,
}

for (const name of Object.keys(edits) as EditName[]) {
  test(`an edited picture is found again: ${name}`, async () => {
    let found = 0
    for (const { bytes, words } of scenes.slice(0, editedCount)) {
      const copy = wordsOf(await descriptorOf(await edited(bytes, name)))!
      const score = nearCopyScore(words, 0, copy, 0)
      assert.equal(score, nearCopyScore(copy, 0, words, 0), 'whichever of the two is taken as the copy')
      if (score >= defaultDuplicateScore) found++
    }
    assert.ok(found / editedCount >= recallMin[name], `${found} of ${editedCount}`)
  })
}

test('different pictures are not copies of each other', () => {
  const flagged = scenes.flatMap(({ words }, i) =>
    scenes.slice(0, i).filter((other) => nearCopyScore(words, 0, other.words, 0) >= defaultDuplicateScore),
  )
  assert.deepEqual(flagged, [])
})

test('a picture scores 1 against itself, and from the requested score on, scores are exact', () => {
  const [one, two] = [scenes[0]!.words, scenes[1]!.words]
  assert.equal(nearCopyScore(one, 0, one, 0), 1)
  const exact = nearCopyScore(one, 0, two, 0)
  assert.ok(exact >= 0 && exact < defaultDuplicateScore)
  assert.equal(nearCopyScore(one, 0, two, 0, exact), exact)
  assert.ok(nearCopyScore(one, 0, two, 0, exact + 0.1) < exact + 0.1)
})

/** As stated for `nearCopyScore`, bit by bit. */
function scoredSlowly(a: Uint32Array, b: Uint32Array): number {
  const view = (words: Uint32Array, at: number) => words.subarray(at * wordsPerView, (at + 1) * wordsPerView)
  const bits = (words: Uint32Array) => [...words].flatMap((word) => [...word.toString(2).padStart(32, '0')])
  const agreement = (one: string[], other: string[]) =>
    one.reduce((sum, bit, i) => sum + (bit === other[i] ? 1 : -1), 0) / one.length
  const mirrored = (words: Uint32Array) => words.map((word) => word ^ mirroredSigns)
  const scored = (one: Uint32Array, other: Uint32Array) =>
    Math.min(agreement(bits(one), bits(other)), agreement(bits(one.subarray(0, 2)), bits(other.subarray(0, 2))))
  const ofViews = (one: Uint32Array, other: Uint32Array) => Math.max(scored(one, other), scored(one, mirrored(other)))
  const oneSided = (one: Uint32Array, other: Uint32Array) =>
    Array.from({ length: viewCounts.all }, (_, at) =>
      Math.max(
        ofViews(view(one, viewCounts.whole), view(other, at)),
        // the whole picture is compared with uncropped views and crops of the whole, not with crops of the trimmed
        at <= viewCounts.whole ? ofViews(view(one, 0), view(other, at)) : 0,
      ),
    )
  return Math.max(0, ...oneSided(a, b), ...oneSided(b, a))
}

test('the score is that of the best pair of views, mirrored or not, by all signs or the lowest, whichever is lower', () => {
  const random = seededRandom(8)
  for (let round = 0; round < 60; round++) {
    const one = randomDescriptor(random)
    const changed = round % 3 === 0 ? randomDescriptor(random) : changedDescriptor(one, random() * 0.5, random)
    const [a, b] = [wordsOf(one)!, wordsOf(changed)!.map((word) => (round % 2 === 0 ? word ^ mirroredSigns : word))]
    const score = scoredSlowly(a, b)
    assert.ok(Math.abs(nearCopyScore(a, 0, b, 0) - score) < 1e-12, `${round}: ${score}`)
    // the second picture of a list, found with any bound up to its score
    const list = new Uint32Array([...randomWords(random), ...b])
    assert.equal(nearCopyScore(a, 0, list, 1, score), nearCopyScore(a, 0, b, 0))
    assert.ok(nearCopyScore(a, 0, b, 0, score + 1 / 64) < score + 1 / 64)
  }
})

const randomWords = (random: () => number) => wordsOf(randomDescriptor(random))!

test('views can reach a score if their lowest signs alone do', () => {
  const random = seededRandom(9)
  for (let differing = 0; differing <= 64; differing++) {
    const [low, high] = [random() * 2 ** 32, random() * 2 ** 32].map((word) => word >>> 0) as [number, number]
    const turned = [0, 0]
    for (let bit = 0; bit < differing; bit++) turned[bit % 2]! ^= 1 << (bit >> 1)
    const reached = 1 - differing / 32
    for (const least of [reached - 1 / 64, reached, reached + 1 / 64])
      assert.equal(copiesOf(low, high, low ^ turned[0]!, high ^ turned[1]!, least), least <= reached)
  }
})

test("of a query's pictures, those without features do not count", () => {
  const random = seededRandom(10)
  const one = randomDescriptor(random)
  assert.deepEqual(queryWords([new Uint8Array(0), one]), [wordsOf(one)])
  assert.deepEqual(queryWords([]), [])
})

test('a picture without features has no descriptor, whatever its size', async () => {
  for (const [width, height] of [
    [300, 200],
    [1, 1],
    [2_000, 3],
    [40, 400],
  ] as const) {
    const even = await sharp({ create: { width, height, channels: 3, background: '#446688' } })
      .png()
      .toBuffer()
    assert.equal((await descriptorOf(even)).byteLength, 0, `${width} × ${height}`)
  }
  assert.equal(scenes[0]!.words.length, descriptorWords)
})

test('the descriptor of an elongated picture covers all of it', async () => {
  const [left, right] = [scenes[0]!.bytes, scenes[1]!.bytes]
  const beside = async (...tiles: Buffer[]) => {
    const rows = await Promise.all(tiles.map((tile) => sharp(tile).resize(200, 150, { fit: 'fill' }).toBuffer()))
    return sharp({ create: { width: 200 * tiles.length, height: 150, channels: 3, background: '#fff' } })
      .composite(rows.map((input, i) => ({ input, left: 200 * i, top: 0 })))
      .png()
      .toBuffer()
  }
  const middle = [scenes[2]!.bytes, scenes[3]!.bytes]
  const [one, other] = await Promise.all(
    [beside(left, left, ...middle, left, left), beside(right, right, ...middle, right, right)].map(async (bytes) =>
      descriptorOf(await bytes),
    ),
  )
  assert.deepEqual([one!.byteLength, other!.byteLength], [descriptorBytes, descriptorBytes])
  assert.ok(
    nearCopyScore(wordsOf(one!)!, 0, wordsOf(other!)!, 0) < defaultDuplicateScore,
    'they are equal in the middle, but not at the ends',
  )
})

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import sharp from 'sharp'
import { descriptorBytes, descriptorWords } from '../../src/copies/copy-descriptor.js'
import { defaultDuplicateScore, nearCopyScore, wordsOf } from '../../src/copies/near-copy-score.js'
import { type EditName, edited, edits } from '../../src/image/edits.js'
import { prepareImage } from '../../src/image/prepare.js'
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

/**
 * Which near-copies are found, and how many pairs are flagged by mistake? Some pictures are edited in many ways; recall
 * is the share of each edit that reaches the score with its original, and false flags are pairs of different pictures
 * that reach it. Precision is that of all flags when edits and originals are searched among the whole set. Uses drawn
 * scenes, or your own labelled pictures.
 *
 *     npx node dist/bench/near-copies.js [--pictures FOLDER] [--split test] [--edited 150] [--most 1890]
 */
import { parseArgs } from 'node:util'
import { describeCopies, descriptorWords } from '../src/copies/copy-descriptor.js'
import { defaultDuplicateScore, nearCopyScore, wordsOf } from '../src/copies/near-copy-score.js'
import { bytesOf } from '../src/datasets/image-bytes.js'
import { readLabelledImages } from '../src/datasets/labelled-images.js'
import { type EditName, edited, edits } from '../src/image/edits.js'
import { prepareImage } from '../src/image/prepare.js'
import { drawScene } from '../test/support/drawn-scenes.js'
import { table } from './report.js'

const { values } = parseArgs({
  options: {
    pictures: { type: 'string' },
    split: { type: 'string', default: 'test' },
    edited: { type: 'string', default: '60' },
    most: { type: 'string', default: '600' },
  },
})
const thresholds = [0.3, 0.35, defaultDuplicateScore, 0.5, 0.6]
const preprocessing = {
  inputSize: 224,
  fit: 'cover',
  resizeShortSide: 224,
  kernel: 'cubic',
  mean: [0, 0, 0],
  std: [1, 1, 1],
} as const

interface Original {
  group: string
  bytes: Uint8Array
}

async function originals(): Promise<Original[]> {
  const most = Number(values.most)
  if (values.pictures === undefined)
    return Promise.all(Array.from({ length: most }, async (_, i) => ({ group: String(i), bytes: await drawScene(i) })))
  const read = (await readLabelledImages(values.pictures))
    .filter(({ split }) => split === undefined || split === values.split)
    .slice(0, most)
  return Promise.all(read.map(async ({ group, source }) => ({ group, bytes: await bytesOf({ source }) })))
}

async function describe(bytes: Uint8Array): Promise<Uint32Array> {
  const { describe } = await prepareImage(bytes, {
    preprocessing: { ...preprocessing, mean: [...preprocessing.mean], std: [...preprocessing.std] },
    maxPixels: 1e8,
    copies: true,
  })
  return wordsOf(describe!()) ?? new Uint32Array(descriptorWords)
}

const shown = (share: number) => share.toFixed(3)
const all = await originals()
const words = new Uint32Array(all.length * descriptorWords)
for (const [i, { bytes }] of all.entries()) words.set(await describe(bytes), i * descriptorWords)

const flagged = thresholds.map(() => 0)
let pairs = 0
for (let a = 0; a < all.length; a++) {
  for (let b = a + 1; b < all.length; b++) {
    if (all[a]!.group === all[b]!.group) continue
    pairs++
    const score = nearCopyScore(words, a, words, b, thresholds[0])
    thresholds.forEach((threshold, i) => {
      if (score >= threshold) flagged[i]! += 1
    })
  }
}

const step = Math.max(1, Math.floor(all.length / Number(values.edited)))
const chosen = all.flatMap((_, i) => (i % step === 0 ? [i] : [])).slice(0, Number(values.edited))
const rows: string[][] = []
for (const name of Object.keys(edits) as EditName[]) {
  const found = thresholds.map(() => 0)
  let [right, wrong] = [0, 0]
  for (const i of chosen) {
    const copy = await describe(await edited(all[i]!.bytes, name))
    for (let other = 0; other < all.length; other++) {
      const score = nearCopyScore(copy, 0, words, other, thresholds[0])
      if (other === i)
        thresholds.forEach((threshold, at) => {
          if (score >= threshold) found[at]! += 1
        })
      if (score < defaultDuplicateScore) continue
      if (all[other]!.group === all[i]!.group) right++
      else wrong++
    }
  }
  rows.push([
    name,
    ...found.map((count) => shown(count / chosen.length)),
    right + wrong === 0 ? '–' : shown(right / (right + wrong)),
  ])
}
console.log(
  `${all.length} ${values.pictures === undefined ? 'synthetic scenes' : `pictures of ${values.split}`}, ${chosen.length} of them edited and searched among all.\n`,
)
console.log(
  table(
    ['edit', ...thresholds.map((threshold) => `recall at ${threshold}`), `precision at ${defaultDuplicateScore}`],
    rows,
  ),
)
console.log(
  `\n${table(
    ['different pictures', ...thresholds.map(String)],
    [
      [`flagged of ${pairs} pairs`, ...flagged.map(String)],
      ['per million', ...flagged.map((count) => ((count / pairs) * 1e6).toFixed(1))],
    ],
  )}`,
)

const sample = all.slice(0, 50).map(({ bytes }) => bytes)
const pixels = await Promise.all(
  sample.map(async (bytes) =>
    prepareImage(bytes, {
      preprocessing: { ...preprocessing, mean: [0, 0, 0], std: [1, 1, 1], fit: 'squash' },
      maxPixels: 1e8,
    }),
  ),
)
const round = () => pixels.forEach((one) => describeCopies(one.pixels, 224, 224))
round()
const before = process.cpuUsage()
for (let i = 0; i < 10; i++) round()
const { user, system } = process.cpuUsage(before)
console.log(
  `\nA descriptor of 224 × 224 pixels takes ${((user + system) / 1_000 / 10 / sample.length).toFixed(2)} ms of CPU time.`,
)

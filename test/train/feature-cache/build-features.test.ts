import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import type { SplitImage } from '../../../src/datasets/split.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { buildFeatures, picturesHash, type RowMaker } from '../../../src/train/feature-cache/build-features.js'
import type { FeatureFile } from '../../../src/train/feature-cache/feature-file.js'
import { ImageLoader } from '../../../src/train/loader/image-loader.js'
import { drawImage } from '../../support/drawn-images.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

before(() => chooseBackend('cpu'))

const preprocessing = {
  inputSize: 8,
  fit: 'squash' as const,
  resizeShortSide: 8,
  kernel: 'linear' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const view = { index: 0, seed: 1, augmentation: { minScale: 1, colourJitter: 0 } }

/** Its rows are all `value`. */
const makerOf = (value: number): RowMaker => ({
  weights: `${value}`,
  preprocessing,
  shape: [1, 1, 1],
  rows: (pixels) => tf.fill([pixels.length / 192, 1], value),
})

async function pictures(t: TestContext, count: number) {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'circle.jpg')
  await writeFile(path, await drawImage('circle', 1))
  const images = Array.from(
    { length: count },
    (_, i): SplitImage => ({ id: `${i}`, label: 'circle', split: 'train', group: `${i}`, source: { path } }),
  )
  const loader = new ImageLoader(images)
  t.after(() => loader.close())
  const means = { path: join(folder, 'maps'), loader, indices: [...images.keys()], view }
  return { folder, path, images, means: { ...means, pictures: await picturesHash(images, means.indices) } }
}
const never = new AbortController().signal

/** The distinct values of a file's 40 rows. */
async function valuesIn(file: FeatureFile): Promise<number[]> {
  const values = new Float32Array(40)
  for (const row of values.keys()) await file.read(row, false, values, row)
  await file.close()
  return [...new Set(values)]
}

test('rows that another build replaces are computed again', async (t) => {
  const { means } = await pictures(t, 40)
  const build = (value: number, stop = never) => buildFeatures({ ...means, maker: makerOf(value), log() {}, stop })
  await (await build(1))!.close()

  // killed after its first rows, before it says how many are done
  const killed = {
    ...makerOf(2),
    rows: (pixels: Uint8Array) => (pixels.length < 30 * 192 ? assert.fail('killed') : makerOf(2).rows(pixels)),
  }
  await assert.rejects(buildFeatures({ ...means, maker: killed, log() {}, stop: never }), /killed/)
  assert.deepEqual(await valuesIn((await build(1))!), [1])
})

test('runs that share a cache do not disturb each other, whether their rows are the same or not', async (t) => {
  const { folder, means } = await pictures(t, 40)
  const build = (value: number) => buildFeatures({ ...means, maker: makerOf(value), log() {}, stop: never })
  const first = (await build(1))!
  const both = await Promise.all([build(2), build(2)])
  assert.deepEqual(await valuesIn(first), [1])
  for (const file of both) assert.deepEqual(await valuesIn(file!), [2])
  assert.equal((await readdir(folder)).filter((name) => name.startsWith('maps')).length, 2, 'rows and their number')

  const [slow, other] = await Promise.all([build(1), build(3)])
  assert.deepEqual([await valuesIn(slow!), await valuesIn(other!)], [[1], [3]])
  for (const value of [1, 3]) assert.deepEqual(await valuesIn((await build(value))!), [value])
})

test('other pictures under the same names are other pictures', async (t) => {
  const { path, images, means } = await pictures(t, 2)
  assert.equal(await picturesHash(images, means.indices), means.pictures)
  assert.notEqual(await picturesHash(images, [0]), means.pictures)
  await writeFile(path, await drawImage('circle', 2))
  assert.notEqual(await picturesHash(images, means.indices), means.pictures)
})

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
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
  const means = { path: join(folder, 'maps'), loader, part: 'train' as const, indices: [...images.keys()], view }
  return { folder, path, images, means: { ...means, pictures: await picturesHash(images, means.indices) } }
}
const never = new AbortController().signal

/** The different values of its rows; closes it. */
async function valuesOf(file: FeatureFile, rows: number): Promise<number[]> {
  const values = new Float32Array(rows)
  for (const row of values.keys()) await file.read(row, false, values, row)
  await file.close()
  return [...new Set(values)]
}

test('rows that another build began to overwrite are computed again', async (t) => {
  const { means } = await pictures(t, 40)
  const build = (value: number, stop = never) => buildFeatures({ ...means, maker: makerOf(value), log() {}, stop })
  await (await build(1))!.close()

  // killed after its first rows, before it says how many are done
  const killed = {
    ...makerOf(2),
    rows: (pixels: Uint8Array) => (pixels.length < 30 * 192 ? assert.fail('killed') : makerOf(2).rows(pixels)),
  }
  await assert.rejects(buildFeatures({ ...means, maker: killed, log() {}, stop: never }), /killed/)

  assert.deepEqual(await valuesOf((await build(1))!, 40), [1])
})

test('runs with other weights that build at the same time, or later, do not disturb each other', async (t) => {
  const { means } = await pictures(t, 40)
  const build = (value: number) => buildFeatures({ ...means, maker: makerOf(value), log() {}, stop: never })
  const [one, two] = (await Promise.all([build(1), build(2)])) as [FeatureFile, FeatureFile]
  await (await build(3))!.close()
  assert.deepEqual([await valuesOf(one, 40), await valuesOf(two, 40)], [[1], [2]])
  for (const value of [1, 2, 3]) assert.deepEqual(await valuesOf((await build(value))!, 40), [value])
})

test('other pictures under the same names are other pictures', async (t) => {
  const { path, images, means } = await pictures(t, 2)
  assert.equal(await picturesHash(images, means.indices), means.pictures)
  assert.notEqual(await picturesHash(images, [0]), means.pictures)
  await writeFile(path, await drawImage('circle', 2))
  assert.notEqual(await picturesHash(images, means.indices), means.pictures)
})

test('a view shows the same of a picture, whatever pictures the other parts of the data have', async (t) => {
  const { means, images } = await pictures(t, 8)
  const meansOfPictures: RowMaker = {
    ...makerOf(0),
    rows: (pixels) => tf.tidy(() => tf.mean(tf.tensor2d([...pixels], [pixels.length / 192, 192], 'float32'), 1, true)),
  }
  const crops = { ...view, index: 1, augmentation: { minScale: 0.1, colourJitter: 0.5 } }
  const built = async (path: string, indices: number[]) => {
    const file = await buildFeatures({
      ...{ ...means, path, indices, view: crops, maker: meansOfPictures, log() {}, stop: never },
      pictures: await picturesHash(images, indices),
    })
    return valuesOf(file!, indices.length)
  }
  const alone = await built(`${means.path}-alone`, [0, 1, 2, 3])
  assert.equal(alone.length, 4)
  // the file of one would be taken for that of the other: their pictures are the same
  assert.deepEqual(await built(`${means.path}-shifted`, [2, 3, 4, 5]), alone)
})

test('a wild view shows each picture with edits, and is another view than the crop without them', async (t) => {
  const { means } = await pictures(t, 4)
  // of a row: the mean of its pixels
  const maker: RowMaker = {
    ...makerOf(0),
    rows: (pixels) => tf.tidy(() => tf.mean(tf.reshape(tf.tensor1d(pixels), [-1, 192]), 1, true)),
  }
  const crop = { index: 1, seed: 1, augmentation: { minScale: 1, colourJitter: 0 } }
  const rowsOf = async (given: typeof crop & { wild?: true }): Promise<number[]> => {
    const file = await buildFeatures({ ...means, maker, view: given, log() {}, stop: never })
    const values = new Float32Array(4)
    for (const row of values.keys()) await file!.read(row, false, values, row)
    await file!.close()
    return [...values]
  }
  const [plain, wild] = [await rowsOf(crop), await rowsOf({ ...crop, wild: true })]
  assert.ok(
    plain.every((value, row) => Math.abs(value - wild[row]!) > 0.01),
    `${plain} ${wild}`,
  )
})

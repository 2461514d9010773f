import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { LabelledImage } from '../../../src/datasets/labelled-image.js'
import { AlikeError } from '../../../src/errors.js'
import { prepareImage } from '../../../src/image/prepare.js'
import { mirrored } from '../../../src/image/views.js'
import { ImageLoader, loaderProcesses } from '../../../src/train/loader/image-loader.js'
import { drawImage } from '../../support/drawn-images.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const preprocessing = {
  inputSize: 16,
  fit: 'squash' as const,
  resizeShortSide: 16,
  kernel: 'linear' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const drawn = await Promise.all(Array.from({ length: 6 }, (_, seed) => drawImage('circle', seed)))
const shared = (bytes: Uint8Array) => {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}
const images = [...drawn, Buffer.from('no picture')].map(
  (bytes, i): LabelledImage => ({ id: `p${i}`, label: 'circle', group: `p${i}`, source: { bytes: shared(bytes) } }),
)
const loader = new ImageLoader(images)
after(() => loader.close())

const sizeBytes = 16 * 16 * 3

test('without augmentation the pixels are those of serving, in the requested order', async () => {
  const pixels = await loader.load({ images: [4, 1], preprocessing })
  const views = await Promise.all(
    [4, 1].map(async (image) => (await prepareImage(drawn[image]!, { preprocessing, maxPixels: 1e6 })).pixels),
  )
  assert.deepEqual(Buffer.from(pixels), Buffer.concat(views))
})

test('an augmented view depends only on its seed', async () => {
  const view = async (asked: number[], seeds: number[]) =>
    loader.load({ images: asked, preprocessing, augmentation: { minScale: 0.3, colourJitter: 0.3, seeds } })
  const [pair, single, other] = [await view([0, 2], [7, 9]), await view([2], [9]), await view([2], [8])]
  assert.deepEqual(pair.subarray(sizeBytes), single)
  assert.notDeepEqual(other, single)
})

test('a stream yields its batches in order', async () => {
  const requests = [0, 1, 2, 3, 4, 5].map((image) => ({ images: [image], preprocessing }))
  const first: number[][] = []
  for await (const pixels of loader.stream(requests, 2)) first.push([...pixels.subarray(0, 3)])
  const expected = await Promise.all(requests.map(async (request) => [...(await loader.load(request)).subarray(0, 3)]))
  assert.deepEqual(first, expected)
})

test('view processes make the same views, and a bad picture there fails its batch with its id', async () => {
  const inProcesses = new ImageLoader(images, 2)
  try {
    const seeds = [1, 2, 3, 4, 5, 6]
    const request = {
      images: [0, 1, 2, 3, 4, 5],
      preprocessing,
      augmentation: { minScale: 0.3, colourJitter: 0.3, seeds, wild: seeds.map((seed) => seed > 3) },
    }
    assert.deepEqual(await inProcesses.load(request), await loader.load(request))
    await assert.rejects(
      inProcesses.load({ images: [0, 6], preprocessing }),
      (error: unknown) =>
        error instanceof AlikeError &&
        error.code === 'dataset_unusable' &&
        error.message.includes('"p6" cannot be read: This is not a complete picture in a supported format.'),
    )
  } finally {
    await inProcesses.close()
  }
})

test('processes are used with more than four cores, and leave two of them to the training thread', () => {
  assert.deepEqual(
    [1, 2, 4, 5, 16, 64].map((cores) => loaderProcesses(cores)),
    [0, 0, 0, 3, 14, 16],
  )
})

test('large files are not all in memory at once', async (t) => {
  const path = join(await temporaryFolder(t), 'camera.jpg')
  // what follows the picture in its file is read, and costs no time to decode
  await writeFile(path, Buffer.concat([drawn[0]!, Buffer.alloc(8e6)]))
  const large = Array.from({ length: 60 }, (_, i): LabelledImage => ({ ...images[0]!, id: `${i}`, source: { path } }))
  const fromDisk = new ImageLoader(large, 0)
  const request = { images: [...large.keys()], preprocessing }
  await fromDisk.load({ ...request, images: [0] })
  const peakMegabytes = () => process.resourceUsage().maxRSS / 1024
  const before = peakMegabytes()
  let batches = 0
  for await (const _ of fromDisk.stream([request, request, request])) batches++
  await fromDisk.close()
  assert.equal(batches, 3)
  const grown = peakMegabytes() - before
  assert.ok(grown < 500, `${grown.toFixed(0)} MB of the 1,440 MB in the files`)
})

test('a bad picture fails its batch with its id, and no other', async () => {
  const bad = loader.load({ images: [0, 6], preprocessing })
  const good = loader.load({ images: [0], preprocessing })
  await assert.rejects(
    bad,
    (error: unknown) =>
      error instanceof AlikeError && error.code === 'dataset_unusable' && error.message.includes('"p6"'),
  )
  assert.equal((await good).length, sizeBytes)
})

test('a batch mixes augmented pictures with serving views, mirrored by their seeds', async () => {
  const seeds = Array.from({ length: 12 }, (_, seed) => seed)
  const augmentation = { minScale: 0.3, colourJitter: 0.3, seeds, asServed: seeds.map((seed) => seed !== 0) }
  const pixels = await loader.load({ images: seeds.map(() => 3), preprocessing, augmentation })
  const { pixels: served } = await prepareImage(drawn[3]!, { preprocessing, maxPixels: 1e6 })
  const found = seeds.map((position) => Buffer.from(pixels.subarray(position * sizeBytes, (position + 1) * sizeBytes)))
  const [plain, mirrorImage] = [Buffer.from(served), Buffer.from(mirrored(served, 16))]
  const kinds = found.map((view) =>
    view.equals(plain) ? 'plain' : view.equals(mirrorImage) ? 'mirrored' : 'augmented',
  )
  assert.equal(kinds[0], 'augmented')
  assert.deepEqual([...new Set(kinds.slice(1))].sort(), ['mirrored', 'plain'])
})

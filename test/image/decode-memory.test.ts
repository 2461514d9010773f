/** The predicted memory of a decode, against what a separate process uses. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp, { type Sharp } from 'sharp'
import { type PrepareOptions, planPreparation, prepareImage } from '../../src/image/prepare.js'
import { temporaryFolder } from '../support/app.js'
import { bmpOf } from '../support/bitmaps.js'
import { decodePeak, peakOptions } from '../support/decode-peak.js'
import { hostileImages, webpOf } from '../support/hostile-images.js'

const mebibyte = 2 ** 20
const of = (width: number, height: number, channels: 3 | 4 = 3): Sharp =>
  sharp({ create: { width, height, channels, background: { r: 200, g: 120, b: 40, alpha: 0.5 } } })

const rows: [name: string, image: () => Promise<Buffer>, options?: Partial<PrepareOptions>][] = [
  ['jpeg', () => of(6000, 4000).jpeg().toBuffer()],
  [
    'jpeg, turned, a region of it',
    () => of(3000, 2000).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    { region: { x: 0, y: 0.5, width: 1, height: 0.5, unit: 'relative' } },
  ],
  [
    'jpeg, turned, of whose resized form the square is cut',
    () => of(4032, 3024).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    { preprocessing: { ...peakOptions.preprocessing, resizeShortSide: 232 }, copies: true, views: 4 },
  ],
  [
    'jpeg, turned, a panorama of whose resized form the square is cut',
    () => of(30_000, 2000).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    { preprocessing: { ...peakOptions.preprocessing, resizeShortSide: 256 } },
  ],
  ['jpeg, flat', () => of(30_000, 300).jpeg().toBuffer()],
  [
    'progressive jpeg of four channels',
    () => of(2000, 2000).toColourspace('cmyk').jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
  ],
  ['png', () => of(4000, 3000).png({ compressionLevel: 1 }).toBuffer()],
  [
    'png of 16 bits with alpha, interlaced',
    () => of(2000, 2000, 4).toColourspace('rgb16').png({ progressive: true, compressionLevel: 1 }).toBuffer(),
  ],
  ['png, very flat', () => of(200_000, 20).png({ compressionLevel: 1 }).toBuffer(), { thumbnail: { maxSide: 192 } }],
  [
    'png, very tall, turned',
    () => of(40, 40_000).withMetadata({ orientation: 6 }).png({ compressionLevel: 1 }).toBuffer(),
  ],
  ['webp', async () => webpOf(4000, 4000)],
  ['webp, three decodes', async () => webpOf(3000, 3000), { thumbnail: { maxSide: 192 }, views: 4 }],
  ['gif', () => of(3000, 3000).gif({ effort: 1 }).toBuffer()],
  ['tiff in one strip', () => of(3000, 3000).tiff({ compression: 'deflate' }).toBuffer()],
  ['bmp', async () => bmpOf(new Uint8Array(2000 * 1500 * 3), { width: 2000, height: 1500, bits: 24 })],
  ['heic', () => readFile('test/image/formats/display-p3.heic')],
  ['jxl', () => readFile('test/image/formats/display-p3.jxl')],
  ['avif', () => of(2000, 2000).avif({ effort: 0 }).toBuffer()],
  ['avif of 10 bits with alpha', () => of(1600, 1600, 4).avif({ effort: 0, bitdepth: 10 }).toBuffer()],
]

for (const [name, image, options] of rows) {
  test(`the memory of a decode is known in advance: ${name}`, async (t) => {
    const file = join(await temporaryFolder(t), 'picture')
    await writeFile(file, await image())
    const { expectedBytes, peakBytes, error } = await decodePeak(file, options)
    t.diagnostic(`${Math.round(peakBytes / mebibyte)} of ${Math.round(expectedBytes / mebibyte)} MiB`)
    assert.equal(error, undefined)
    assert.ok(peakBytes <= expectedBytes + 8 * mebibyte, `${peakBytes} of ${expectedBytes}`)
  })
}

test('planes larger than the picture are counted', async () => {
  const hostile = await hostileImages(100)
  for (const name of ['avif of 64 pixels with an alpha plane of 5,000', 'avif of 64 pixels with a grid of 5,000']) {
    const { decodeBytes } = await planPreparation(hostile.get(name)!, peakOptions)
    assert.ok(decodeBytes > 400 * mebibyte, `${name}: ${decodeBytes}`)
  }
})

test('ordinary phone photographs take little', async () => {
  const turned = await of(4032, 3024).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  const { decodeBytes } = await planPreparation(turned, { ...peakOptions, thumbnail: { maxSide: 192 } })
  assert.ok(decodeBytes < 16 * mebibyte, String(decodeBytes))
})

test('outputs made sequentially equal those made concurrently', async () => {
  const noise = Buffer.from(Array.from({ length: 90 * 60 * 3 }, (_, i) => (i * 7919 + (i >> 3) * 31) % 251))
  const small = await sharp(noise, { raw: { width: 90, height: 60, channels: 3 } })
    .png()
    .toBuffer()
  const large = await sharp(noise, { raw: { width: 90, height: 60, channels: 3 } })
    .resize(3600, 2400, { kernel: 'nearest' })
    .webp({ lossless: true, effort: 0 })
    .toBuffer()
  for (const image of [small, large]) {
    const { views, thumbnail } = await prepareImage(image, { ...peakOptions, views: 4, thumbnail: { maxSide: 64 } })
    assert.deepEqual([...views[0]!], [...(await prepareImage(image, peakOptions)).pixels])
    assert.deepEqual(
      views[2],
      (await prepareImage(image, { ...peakOptions, preprocessing: { ...peakOptions.preprocessing, fit: 'squash' } }))
        .pixels,
    )
    assert.deepEqual(thumbnail, (await prepareImage(image, { ...peakOptions, thumbnail: { maxSide: 64 } })).thumbnail)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { seededRandom } from '../../src/eval/random.js'
import { allPixels, encodeThumbnail, openImage } from '../../src/image/decoder.js'
import { decodeSmallJpeg, encodeSmallThumbnail } from '../../src/image/small-jpeg.js'

const random = seededRandom(11)

/** Smooth, with some noise: [height, width, 3]. */
function drawn(width: number, height: number): Uint8Array {
  const [a, b, c] = [random() * 9, random() * 9, random() * 9]
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [(Math.floor(i / 3) % width) / width, Math.floor(i / 3 / width) / height]
    return 128 + 90 * Math.sin(a * x + b * y + c * (i % 3)) + 30 * random()
  })
}

const fileOf = (rgb: Uint8Array, width: number, height: number) => sharp(rgb, { raw: { width, height, channels: 3 } })

test('the pixels are those of sharp, bit for bit', async () => {
  const sizes: [number, number][] = [
    [1, 1],
    [8, 8],
    [17, 3],
    [275, 183],
    [183, 275],
    [231, 560],
  ]
  for (let i = 0; i < 24; i++) sizes.push([Math.ceil(random() * 300), Math.ceil(random() * 300)])
  for (const [width, height] of sizes) {
    const picture = fileOf(drawn(width, height), width, height)
    for (const chromaSubsampling of ['4:2:0', '4:4:4'])
      for (const options of [{}, { progressive: true }, { mozjpeg: true }]) {
        const quality = Math.ceil(20 + 80 * random())
        const file = await picture
          .clone()
          .jpeg({ chromaSubsampling, quality, ...options })
          .toBuffer()
        const found = await decodeSmallJpeg(file, { width, height })
        const expected = await sharp(file).toColourspace('srgb').raw().toBuffer()
        assert.ok(found !== undefined, `${width} × ${height} was left to sharp`)
        assert.equal(Buffer.compare(found, expected), 0, `${width} × ${height}, ${chromaSubsampling}, ${quality}`)
      }
  }
})

test('damage is left to sharp to judge, and the next picture is decoded as before', async () => {
  const [width, height] = [120, 90]
  const whole = await fileOf(drawn(width, height), width, height).jpeg({ progressive: true }).toBuffer()
  const expected = await decodeSmallJpeg(whole, { width, height })
  const middle = whole.length >> 1
  const rows = {
    cut: Buffer.concat([whole.subarray(0, middle), Buffer.of(0xff, 0xd9)]),
    overwritten: Buffer.concat([whole.subarray(0, middle), Buffer.alloc(200, 0x55), whole.subarray(middle + 200)]),
    'another size than its header says': whole,
    nonsense: Buffer.from('no JPEG'),
  }
  for (const [name, file] of Object.entries(rows)) {
    assert.equal(await decodeSmallJpeg(file, { width, height: file === whole ? height + 1 : height }), undefined, name)
    assert.deepEqual(await decodeSmallJpeg(whole, { width, height }), expected, `after: ${name}`)
  }
})

test('what is large, has many scans, or is shown by more than its pixels is left to sharp', async () => {
  const [width, height] = [100, 80]
  const rgb = drawn(width, height)
  const plain = await fileOf(rgb, width, height).jpeg({ progressive: true }).toBuffer()
  const lastScan = plain.subarray(plain.lastIndexOf(Buffer.of(0xff, 0xda)), -2)
  const rows = {
    'many scans': Buffer.concat([plain.subarray(0, -2), ...Array(40).fill(lastScan), plain.subarray(-2)]),
    'a profile': await fileOf(rgb, width, height).withIccProfile('p3').jpeg().toBuffer(),
    'an orientation': await fileOf(rgb, width, height).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    'a long file': Buffer.concat([plain, Buffer.alloc(2 ** 18)]),
  }
  for (const [name, file] of Object.entries(rows))
    assert.equal(await decodeSmallJpeg(file, { width, height }), undefined, name)
  const large = await fileOf(drawn(400, 400), 400, 400).jpeg().toBuffer()
  assert.equal(await decodeSmallJpeg(large, { width: 400, height: 400 }), undefined)
  assert.equal(await encodeSmallThumbnail(drawn(400, 400), { width: 400, height: 400 }), undefined)
})

test('a profile is applied, a turned picture is upright, and both have the pixels that a pipeline gives', async () => {
  const [width, height] = [100, 80]
  const picture = fileOf(drawn(width, height), width, height)
  for (const [file, isBrief] of [
    [await picture.clone().jpeg().toBuffer(), true],
    [await picture.clone().withIccProfile('p3').jpeg().toBuffer(), false],
    [await picture.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer(), false],
    [await picture.clone().toColourspace('b-w').jpeg().toBuffer(), false],
    [await picture.clone().png().toBuffer(), false],
  ] as const) {
    const image = await openImage(file, 1e6)
    const expected = await sharp(file).rotate().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
    const found = await allPixels(image)
    assert.deepEqual([found.width, found.height], [expected.info.width, expected.info.height])
    assert.equal(Buffer.compare(found.rgb, expected.data), 0)
    assert.equal((await image.briefly?.()) !== undefined, isBrief)
  }
})

test('a thumbnail is a baseline JPEG with halved chroma, as close to its pixels as that of sharp', async () => {
  for (const [width, height] of [
    [192, 128],
    [1, 192],
    [131, 97],
  ] as const) {
    const rgb = drawn(width, height)
    const file = await encodeThumbnail({ rgb, width, height })
    const { format, isProgressive, chromaSubsampling, ...size } = await sharp(file).metadata()
    assert.deepEqual([format, isProgressive, chromaSubsampling], ['jpeg', false, '4:2:0'])
    assert.deepEqual([size.width, size.height], [width, height])
    const theirs = await fileOf(rgb, width, height).jpeg({ quality: 80, optimizeCoding: false }).toBuffer()
    const [error, theirError] = [await errorOf(file, rgb), await errorOf(theirs, rgb)]
    assert.ok(error <= 1.05 * theirError + 0.5, `${error} against ${theirError}`)
    assert.ok(file.length < 1.05 * theirs.length, `${file.length} bytes against ${theirs.length}`)
  }
})

/** Mean squared error. */
async function errorOf(file: Uint8Array, rgb: Uint8Array): Promise<number> {
  const shown = await sharp(file).raw().toBuffer()
  return shown.reduce((sum, value, i) => sum + (value - rgb[i]!) ** 2, 0) / rgb.length
}

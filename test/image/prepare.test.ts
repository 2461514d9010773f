import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { AlikeError } from '../../src/errors.js'
import { type PrepareOptions, planPreparation, prepareImage } from '../../src/image/prepare.js'
import { processorMs } from '../support/processor-time.js'

const preprocessing = {
  inputSize: 32,
  fit: 'cover',
  resizeShortSide: 32,
  kernel: 'cubic',
  mean: [0, 0, 0],
  std: [1, 1, 1],
} satisfies PrepareOptions['preprocessing']
const options: PrepareOptions = { preprocessing, maxPixels: 1_000_000 }

/** Left half red, right half blue. */
function halves(width: number, height: number) {
  const data = Buffer.alloc(width * height * 3)
  for (let i = 0; i < width * height; i++) data[i * 3 + (i % width < width / 2 ? 0 : 2)] = 255
  return sharp(data, { raw: { width, height, channels: 3 } })
}

function at(pixels: Uint8Array, x: number, y: number, size = 32): number[] {
  return [...pixels.subarray((y * size + x) * 3, (y * size + x) * 3 + 3)]
}

function assertNear(found: number[], expected: number[], tolerance = 12): void {
  found.forEach((value, i) =>
    assert.ok(Math.abs(value - expected[i]!) <= tolerance, `${found} is not near ${expected}`),
  )
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof AlikeError ? error.code : String(error)),
  )
}

test('a picture that fails is no longer being decoded for any of its outputs', async () => {
  const whole = await halves(3000, 1000).jpeg().toBuffer()
  const cut = whole.subarray(0, whole.length * 0.9)
  const square = { ...preprocessing, inputSize: 900, resizeShortSide: 900 }
  for (let i = 0; i < 5; i++) {
    const prepared = prepareImage(cut, {
      preprocessing: square,
      maxPixels: 10_000_000,
      views: 4,
      thumbnail: { maxSide: 64 },
    })
    await assert.rejects(prepared, { code: 'image_unreadable' })
    assert.deepEqual(sharp.counters(), { queue: 0, process: 0 })
  }
})

for (const format of ['jpeg', 'png', 'webp', 'gif', 'avif'] as const) {
  test(`reads ${format}`, async () => {
    const prepared = await prepareImage(await halves(96, 64).toFormat(format).toBuffer(), options)
    assert.equal(prepared.format, format)
    assert.deepEqual([prepared.width, prepared.height, prepared.pixels.length], [96, 64, 32 * 32 * 3])
    assertNear(at(prepared.pixels, 2, 16), [255, 0, 0], 20)
    assertNear(at(prepared.pixels, 29, 16), [0, 0, 255], 20)
    assert.ok(prepared.durationMs > 0)
  })
}

test('every colour space is converted to 8-bit sRGB', async (t) => {
  const grey = sharp({ create: { width: 40, height: 40, channels: 3, background: '#808080' } })
  const rows = {
    'grey jpeg': await grey.clone().greyscale().jpeg().toBuffer(),
    'grey png': await grey.clone().toColourspace('b-w').png().toBuffer(),
    '16-bit png': await grey.clone().toColourspace('rgb16').png().toBuffer(),
    '16-bit grey png': await grey.clone().toColourspace('grey16').png().toBuffer(),
    'palette png': await grey.clone().png({ palette: true }).toBuffer(),
    'CMYK jpeg': await grey.clone().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer(),
  }
  for (const [name, bytes] of Object.entries(rows)) {
    await t.test(name, async () => {
      const { pixels } = await prepareImage(bytes, options)
      assert.equal(pixels.length, 32 * 32 * 3)
      // a round trip through a printing profile costs a few levels
      assertNear(at(pixels, 16, 16), [128, 128, 128], name.startsWith('CMYK') ? 16 : 2)
    })
  }
})

test('alpha is flattened on white', async () => {
  const clear = await sharp({
    create: { width: 40, height: 40, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  })
    .png()
    .toBuffer()
  assert.deepEqual(at((await prepareImage(clear, options)).pixels, 5, 5), [255, 255, 255])
})

test('EXIF orientation is applied before everything else', async () => {
  // 6 = rotate 90° clockwise to see it upright: the left (red) half becomes the upper half
  const bytes = await halves(96, 64).withMetadata({ orientation: 6 }).jpeg({ chromaSubsampling: '4:4:4' }).toBuffer()
  const upright = await prepareImage(bytes, options)
  assert.deepEqual([upright.width, upright.height], [64, 96])
  assertNear(at(upright.pixels, 16, 2), [255, 0, 0])
  assertNear(at(upright.pixels, 16, 29), [0, 0, 255])

  const lower = await prepareImage(bytes, {
    ...options,
    region: { x: 0, y: 0.5, width: 1, height: 0.5, unit: 'relative' },
  })
  assertNear(at(lower.pixels, 16, 4), [0, 0, 255])
})

test('a large photograph that has to be turned is decoded at reduced size, as an upright one is', async () => {
  const cut = { ...options, maxPixels: 2e7, preprocessing: { ...preprocessing, inputSize: 224, resizeShortSide: 232 } }
  // the latter two are panoramas
  for (const [width, height, mebibytes] of [
    [4_096, 2_048, 12],
    [8_192, 2_048, 24],
    [15_360, 1_024, 64],
  ] as const) {
    const upright = halves(width, height).jpeg({ chromaSubsampling: '4:4:4' })
    const turned = await upright.clone().withMetadata({ orientation: 3 }).toBuffer()
    const { decodeBytes, prepare } = await planPreparation(turned, cut)
    assert.ok(decodeBytes < mebibytes * 2 ** 20, `${width} × ${height}: ${decodeBytes} bytes`)
    const [{ pixels }, expected] = [await prepare(), (await prepareImage(await upright.toBuffer(), cut)).pixels]
    for (let y = 0; y < 224; y++)
      for (let x = 0; x < 224; x++) assertNear(at(pixels, x, y, 224), at(expected, 223 - x, 223 - y, 224), 3)
    const upload = await prepareImage(turned, { ...cut, copies: true, thumbnail: { maxSide: 16 } })
    assert.equal(Buffer.compare(upload.pixels, pixels), 0)
    assert.notEqual(upload.describe!(), undefined)
  }
})

test('a region in pixels and the same region in fractions give the same pixels', async () => {
  const bytes = await halves(100, 60).png().toBuffer()
  const inPixels = await prepareImage(bytes, {
    ...options,
    region: { x: 40, y: 6, width: 40, height: 30, unit: 'pixel' },
  })
  const relative = await prepareImage(bytes, {
    ...options,
    region: { x: 0.4, y: 0.1, width: 0.4, height: 0.5, unit: 'relative' },
  })
  assert.deepEqual(relative.pixels, inPixels.pixels)
})

test('only the first frame of an animation is read', async () => {
  const frame = (background: string) =>
    sharp({ create: { width: 40, height: 40, channels: 3, background } })
      .png()
      .toBuffer()
  const frames = [await frame('#ff0000'), await frame('#0000ff')]
  for (const format of ['gif', 'webp'] as const) {
    const bytes = await sharp(frames, { join: { animated: true } })
      .toFormat(format)
      .toBuffer()
    const prepared = await prepareImage(bytes, options)
    assert.deepEqual([prepared.width, prepared.height], [40, 40])
    assertNear(at(prepared.pixels, 16, 16), [255, 0, 0])
  }
})

test('cover crops the centre, squash keeps the whole picture', async () => {
  const bytes = await halves(128, 32).png().toBuffer()
  const margin = { ...preprocessing, resizeShortSide: 40 }
  assert.equal((await prepareImage(bytes, { ...options, preprocessing: margin })).pixels.length, 32 * 32 * 3)
  const squashed = await prepareImage(bytes, { ...options, preprocessing: { ...preprocessing, fit: 'squash' } })
  assertNear(at(squashed.pixels, 1, 16), [255, 0, 0])
  assertNear(at(squashed.pixels, 30, 16), [0, 0, 255])
})

test('a thumbnail does not change the pixels and fits into its square', async () => {
  const bytes = await halves(640, 320).jpeg().toBuffer()
  const plain = await prepareImage(bytes, options)
  const prepared = await prepareImage(bytes, { ...options, thumbnail: { maxSide: 100 } })
  assert.deepEqual(prepared.pixels, plain.pixels)
  const { format, width, height } = await sharp(prepared.thumbnail).metadata()
  assert.deepEqual([format, width, height], ['jpeg', 100, 50])
  assert.equal(plain.thumbnail, undefined)
})

test('extreme shapes are accepted too', async () => {
  for (const [width, height] of [
    [1, 1],
    [1, 20_000],
    [20_000, 1],
  ] as const) {
    const { pixels } = await prepareImage(await halves(width, height).png().toBuffer(), {
      ...options,
      thumbnail: { maxSide: 64 },
    })
    assert.equal(pixels.length, 32 * 32 * 3)
  }
})

test('a small picture that has to be turned is enlarged once it is upright, whatever is made from it', async () => {
  const noise = Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 7919 + (i >> 3) * 31) % 251))
  const stored = sharp(noise, { raw: { width: 40, height: 30, channels: 3 } })
  for (const orientation of [2, 3, 4, 5, 6, 7, 8]) {
    const turned = await stored.clone().withMetadata({ orientation }).png().toBuffer()
    const upright = await sharp(turned).autoOrient().png().toBuffer()
    for (const fit of ['cover', 'squash'] as const)
      for (const resizeShortSide of [64, 80]) {
        const wanted = { ...options, preprocessing: { ...preprocessing, inputSize: 64, resizeShortSide, fit } }
        const { pixels } = await prepareImage(upright, wanted)
        for (const outputs of [{}, { views: 4, copies: true, thumbnail: { maxSide: 16 } }])
          assert.equal(Buffer.compare((await prepareImage(turned, { ...wanted, ...outputs })).pixels, pixels), 0)
      }
  }
})

test('a narrow picture that has to be turned takes little memory, and has the pixels of an upright one', async () => {
  const upright = await halves(4_000, 1).png().toBuffer()
  const turned = await halves(4_000, 1).rotate(180).withMetadata({ orientation: 3 }).png().toBuffer()
  const deep = await sharp(turned).keepMetadata().toColourspace('rgb16').png().toBuffer()
  for (const fit of ['cover', 'squash'] as const)
    for (const resizeShortSide of [224, 232]) {
      const large = { ...preprocessing, inputSize: 224, resizeShortSide, fit }
      const wanted = { ...options, preprocessing: large, views: 4, copies: true, thumbnail: { maxSide: 64 } }
      const expected = await prepareImage(upright, wanted)
      for (const [bytes, tolerance] of [
        [turned, 0],
        [deep, 8], // its profile is converted
      ] as const) {
        const { decodeBytes, prepare } = await planPreparation(bytes, wanted)
        assert.ok(decodeBytes < 32 * 2 ** 20, `${decodeBytes} bytes`)
        const { views, thumbnail } = await prepare()
        for (const [i, view] of views.entries())
          assert.ok(view.every((value, at) => Math.abs(value - expected.views[i]![at]!) <= tolerance))
        if (tolerance === 0) assert.equal(Buffer.compare(thumbnail!, expected.thumbnail!), 0)
      }
    }
})

test('a long narrow picture that has to be turned takes little memory, too', async () => {
  const turned = await halves(60_000, 18).withMetadata({ orientation: 3 }).jpeg().toBuffer()
  const large = { ...preprocessing, inputSize: 224, resizeShortSide: 232, fit: 'cover' } as const
  const { decodeBytes, prepare } = await planPreparation(turned, { preprocessing: large, maxPixels: 2e6 })
  assert.ok(decodeBytes < 96 * 2 ** 20, `${decodeBytes} bytes`)
  assert.equal((await prepare()).views.length, 1)
})

test('a truncated picture of any format is refused', async () => {
  const noise = Buffer.from(Array.from({ length: 120 * 90 * 3 }, (_, i) => (i * 7919 + (i >> 3) * 31) % 251))
  for (const format of ['jpeg', 'png', 'webp', 'gif', 'avif'] as const) {
    const bytes = await sharp(noise, { raw: { width: 120, height: 90, channels: 3 } })
      .toFormat(format)
      .toBuffer()
    for (const share of [0.1, 0.5, 0.95]) {
      assert.equal(
        await codeOf(prepareImage(bytes.subarray(0, bytes.length * share), options)),
        'image_unreadable',
        `${format} ${share}`,
      )
    }
  }
})

test('anything but an accepted picture gets its own code', async () => {
  const png = await halves(20, 20).png().toBuffer()
  const rows: [Uint8Array, string][] = [
    [new Uint8Array(), 'image_empty'],
    [Buffer.from('hello, this is a text'), 'image_unreadable'],
    [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), 'image_format_unsupported'],
    [Buffer.from('<?xml version="1.0"?>\n<svg/>'), 'image_format_unsupported'],
    [Buffer.from('%PDF-1.4 …'), 'image_format_unsupported'],
    [Buffer.from('8BPS\0\x01'), 'image_format_unsupported'],
    [Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), png]), 'image_unreadable'],
    [Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), 'image_unreadable'],
  ]
  for (const [bytes, code] of rows) assert.equal(await codeOf(prepareImage(bytes, options)), code)
})

test('a refusal for too many pixels names the size and the bound', async () => {
  const bytes = await halves(1200, 900).png().toBuffer()
  await assert.rejects(prepareImage(bytes, options), {
    code: 'image_too_many_pixels',
    detail: 'It has 1200 × 900 = 1080000 pixels; at most 1000000 are accepted.',
  })
})

test('a decompression bomb is refused by its header', async () => {
  const bomb = await sharp({ create: { width: 12_000, height: 12_000, channels: 3, background: '#000000' } })
    .png({ compressionLevel: 9 })
    .toBuffer()
  const refused = async () => assert.equal(await codeOf(prepareImage(bomb, options)), 'image_too_many_pixels')
  assert.ok((await processorMs(refused)) < 500)
})

test('an aborted signal ends the work with its reason', async () => {
  const bytes = await halves(40, 40).png().toBuffer()
  const reason = new Error('the caller has gone')
  await assert.rejects(prepareImage(bytes, { ...options, signal: AbortSignal.abort(reason) }), reason)
})

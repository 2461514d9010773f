import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { av1Colour } from '../../src/image/av1-colour.js'
import { avifColour, pngColour } from '../../src/image/coded-colour.js'
import { type PrepareOptions, prepareImage } from '../../src/image/prepare.js'
import { animatedAvif, codedAvif } from '../support/avif-files.js'
import { patches, patchesOf, plainPng, profiledPng, withCicp } from '../support/coded-colour.js'
import { processorMs } from '../support/processor-time.js'

const preprocessing = {
  inputSize: 64,
  fit: 'squash',
  resizeShortSide: 64,
  kernel: 'cubic',
  mean: [0, 0, 0],
  std: [1, 1, 1],
} satisfies PrepareOptions['preprocessing']
const options: PrepareOptions = { preprocessing, maxPixels: 1_000_000 }

async function preparedPatches(bytes: Uint8Array): Promise<number[][]> {
  const cover = { ...preprocessing, resizeShortSide: 64 }
  const { pixels } = await prepareImage(bytes, { ...options, preprocessing: cover })
  // the picture is half as high as wide: every second line of the square
  return patchesOf(
    Uint8Array.from({ length: 64 * 32 * 3 }, (_, i) => pixels[Math.floor(i / 192) * 2 * 192 + (i % 192)]!),
  )
}

function assertNear(found: number[][], tolerance: number, expected: readonly (readonly number[])[] = patches): void {
  for (const [i, patch] of found.entries()) {
    const off = Math.max(...patch.map((value, channel) => Math.abs(value - expected[i]![channel]!)))
    assert.ok(off <= tolerance, `patch ${i}: ${patch} is not near ${expected[i]!}`)
  }
}

const rows: [name: string, primaries: number, transfer: number, tolerance: number][] = [
  ['sRGB', 1, 13, 0],
  ['BT.709', 1, 1, 2],
  ['Display P3', 12, 13, 2],
  ['BT.2020', 9, 14, 3],
  ['PAL', 5, 4, 2],
  ['NTSC', 6, 6, 2],
  ['gamma 2.8', 1, 5, 2],
  ['PQ of BT.2020', 9, 16, 6],
  ['PQ of Display P3', 12, 16, 6],
  ['HLG of BT.2020', 9, 18, 6],
]
for (const [name, primaries, transfer, tolerance] of rows) {
  test(`a PNG with code points for ${name} shows the right colours`, async () => {
    assertNear(
      await preparedPatches(withCicp(await plainPng(primaries, transfer), [primaries, transfer, 0, 1])),
      tolerance,
    )
  })
}

test('samples of a limited range are expanded', async () => {
  assertNear(await preparedPatches(withCicp(await plainPng(1, 13, { black: 16, white: 235 }), [1, 13, 0, 0])), 2)
})

test('light above white is rolled off to white, and keeps its hue', async () => {
  const orange = await sharp({ create: { width: 64, height: 32, channels: 3, background: { r: 200, g: 175, b: 140 } } })
    .png()
    .toBuffer()
  const [patch] = await preparedPatches(withCicp(orange, [1, 16, 0, 1]))
  const [red = 0, green = 0, blue = 0] = patch!
  assert.ok(red >= 253 && red > green + 20 && green > blue + 20, String(patch))
})

test('every output of a picture is converted', async () => {
  const original = await plainPng(1, 13)
  const coded = withCicp(await plainPng(9, 16), [9, 16, 0, 1])
  const all: PrepareOptions = { ...options, views: 4, copies: true, thumbnail: { maxSide: 64 } }
  const [expected, found] = [await prepareImage(original, all), await prepareImage(coded, all)]
  found.views.forEach((view, i) => {
    const off = view.reduce((sum, value, at) => sum + Math.abs(value - expected.views[i]![at]!), 0) / view.length
    assert.ok(off < 4, `view ${i} is off by ${off}`)
  })
  const thumbnail = await sharp(found.thumbnail).removeAlpha().raw().toBuffer()
  assertNear(patchesOf(thumbnail), 14)
})

test('code points that are unspecified, or sRGB, change no pixel', async () => {
  const png = await plainPng(1, 13)
  const { pixels } = await prepareImage(png, options)
  for (const values of [
    [2, 2, 0, 1],
    [1, 13, 0, 1],
    [1, 2, 0, 1],
  ])
    assert.deepEqual((await prepareImage(withCicp(png, values), options)).pixels, pixels)
})

test('unknown code points are refused by number', async () => {
  for (const values of [
    [1, 11, 0, 1],
    [200, 13, 0, 1],
    [10, 17, 0, 1],
  ]) {
    await assert.rejects(prepareImage(withCicp(await plainPng(1, 13), values), options), {
      code: 'image_format_unsupported',
      detail: `Its colour (CICP primaries ${values[0]}, transfer ${values[1]}) is not supported; sRGB always is.`,
    })
  }
})

test('code points of a PNG override its profile', async () => {
  const coded = await sharp(await plainPng(12, 13))
    .withIccProfile('p3', { attach: true })
    .png()
    .toBuffer()
  const samples = await sharp(coded, { ignoreIcc: true }).raw().toBuffer()
  const plain = await sharp(samples, { raw: { width: 64, height: 32, channels: 3 } })
    .png()
    .toBuffer()
  assert.deepEqual(
    await preparedPatches(withCicp(coded, [12, 13, 0, 1])),
    await preparedPatches(withCicp(plain, [12, 13, 0, 1])),
  )
})

test('a chunk counts only before the picture data, complete, and with its checksum', async () => {
  const png = withCicp(await plainPng(1, 13), [9, 16, 0, 1])
  assert.deepEqual(pngColour(png), { primaries: 9, transfer: 16, fullRange: true })
  const wrong = Buffer.from(png)
  wrong[41] = 12
  assert.equal(pngColour(wrong), undefined)
  const data = png.indexOf('IDAT') - 4
  assert.equal(pngColour(Buffer.concat([png.subarray(0, 33), png.subarray(data), png.subarray(33, data)])), undefined)
  for (let length = 0; length < 50; length++) assert.doesNotThrow(() => pngColour(png.subarray(0, length)))
})

for (const [points, file] of Object.entries(codedAvif)) {
  test(`an AVIF with code points ${points} shows the right colours`, async () => {
    const bytes = Buffer.from(file, 'base64')
    assert.equal(Object.values(avifColour(bytes)!).slice(0, 2).join('/'), points)
    assertNear(await preparedPatches(bytes), 8)
  })
}

test('an animated AVIF is read as its first frame', async () => {
  const prepared = await prepareImage(Buffer.from(animatedAvif, 'base64'), options)
  assert.deepEqual([prepared.format, prepared.width, prepared.height], ['avif', 64, 32])
  assertNear(await preparedPatches(Buffer.from(animatedAvif, 'base64')), 14)
})

test('an AVIF that is only a sequence is refused with the reason', async () => {
  const bytes = Buffer.from(animatedAvif, 'base64')
  bytes.write('free', bytes.indexOf('meta'))
  await assert.rejects(prepareImage(bytes, options), { code: 'image_unreadable', detail: /sequence of frames alone/ })
})

test('a profile in an AVIF overrides its code points', () => {
  const bytes = Buffer.from(codedAvif['9/16'], 'base64')
  bytes.write('prof', bytes.indexOf('nclx'))
  assert.equal(avifColour(bytes), undefined)
})

test('code points of another picture in the same AVIF are ignored', () => {
  const bytes = Buffer.from(codedAvif['9/16'], 'base64')
  bytes.writeUInt16BE(7, bytes.indexOf('pitm') + 8)
  assert.equal(avifColour(bytes), undefined)
})

test('an AVIF with any byte of its boxes damaged is read or refused', () => {
  const file = Buffer.from(codedAvif['9/18'], 'base64')
  for (let at = 0; at < file.indexOf('mdat'); at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const damaged = Buffer.from(file)
      damaged[at] = value
      try {
        avifColour(damaged)
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'image_unreadable')
      }
    }
  }
})

for (const [points, file] of Object.entries(codedAvif)) {
  test(`an AVIF without a colour box, whose AV1 data states ${points}, shows the right colours`, async () => {
    const bytes = Buffer.from(file, 'base64')
    bytes.write('free', bytes.indexOf('colr'))
    assert.equal(Object.values(avifColour(bytes)!).slice(0, 2).join('/'), points)
    assertNear(await preparedPatches(bytes), 8)
  })
}

test('a sequence header is parsed as far as possible, whatever precedes it, and no further', async () => {
  const file = Buffer.from(codedAvif['9/16'], 'base64')
  const data = file.subarray(file.indexOf('mdat') + 4)
  assert.deepEqual(av1Colour(data), { primaries: 9, transfer: 16 })
  const header = data.subarray(2, 13)
  assert.deepEqual(av1Colour(header), { primaries: 9, transfer: 16 }, 'without a temporal delimiter')
  const noSize = Buffer.concat([Buffer.of(header[0]! & ~2), header.subarray(2)])
  assert.deepEqual(av1Colour(noSize), { primaries: 9, transfer: 16 }, 'without a size')
  for (let length = 0; length < 8; length++) assert.equal(av1Colour(header.subarray(0, length)), undefined)
  const endless = Buffer.concat([
    Buffer.from([0x08, 0b00001000]),
    Buffer.alloc(8),
    Buffer.from([0x80]),
    Buffer.alloc(50_000_000),
  ]) // how many ticks, in zeros
  assert.ok((await processorMs(() => assert.equal(av1Colour(endless), undefined))) < 500)
  for (const bytes of [
    Buffer.alloc(1_000, 0xff),
    Buffer.alloc(1_000),
    Buffer.from([0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]),
  ])
    assert.equal(av1Colour(bytes), undefined)
})

test('an AVIF written by a current encoder without colour information is sRGB', async () => {
  const png = await plainPng(1, 13)
  const avif = await sharp(png).avif({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer()
  assert.equal(avif.indexOf('colr'), -1)
  assertNear(await preparedPatches(avif), 8)
})

/** A 16-bit ramp in these code points: equal red, green and blue. */
async function deepRamp(curve: (light: number) => number): Promise<{ png: Buffer; light: number[] }> {
  const light = Array.from({ length: 64 }, (_, i) => (i / 63) ** 2 * 0.85)
  const samples = Uint16Array.from({ length: 64 * 64 * 3 }, (_, i) =>
    Math.round(65_535 * curve(light[Math.floor(i / 3) % 64]!)),
  )
  return {
    png: await sharp(samples, { raw: { width: 64, height: 64, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer(),
    light,
  }
}

const srgbOf = (light: number) => 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055)

test('sixteen bits are converted at full precision: PQ in a PNG is accurate to one level', async () => {
  const { png, light } = await deepRamp((value) => {
    const power = ((value * 203) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
  })
  const { pixels } = await prepareImage(withCicp(png, [1, 16, 0, 1]), options)
  for (const [i, value] of light.entries()) {
    const off = Math.abs(pixels[(32 * 64 + i) * 3]! - srgbOf(value))
    assert.ok(off <= 1, `${i}: ${pixels[(32 * 64 + i) * 3]} for ${srgbOf(value)}`)
  }
})

test('a limited range of sixteen bits is expanded', async () => {
  const { png, light } = await deepRamp((value) => (((16 + 219 * (srgbOf(value) / 255)) / 256) * 65_536) / 65_535)
  const { pixels } = await prepareImage(withCicp(png, [1, 13, 0, 0]), options)
  for (const [i, value] of light.entries())
    assert.ok(Math.abs(pixels[(32 * 64 + i) * 3]! - srgbOf(value)) <= 1, String(i))
})

for (const profile of ['srgb', 'p3'] as const) {
  test(`a 16-bit PNG with the profile ${profile} has the colours of the same picture with eight bits, in every output`, async () => {
    const wide = await profiledPng(profile, 16)
    const all: PrepareOptions = { ...options, views: 4, copies: true, thumbnail: { maxSide: 64 } }
    const [expected, found] = [await prepareImage(await profiledPng(profile, 8), all), await prepareImage(wide, all)]
    assertNear(await preparedPatches(wide), 2, await preparedPatches(await profiledPng(profile, 8)))
    found.views.forEach((view, i) => {
      const off = view.reduce((sum, value, at) => sum + Math.abs(value - expected.views[i]![at]!), 0) / view.length
      assert.ok(off < 1, `view ${i} is off by ${off}`) // edges are rounded differently
    })
    const thumbnails = await Promise.all(
      [expected, found].map(({ thumbnail }) => sharp(thumbnail).removeAlpha().raw().toBuffer()),
    )
    assertNear(patchesOf(thumbnails[1]!), 6, patchesOf(thumbnails[0]!))
  })
}

test('sixteen bits without a profile, or with an invalid one, are used unchanged', async () => {
  const plain = await profiledPng(undefined, 16)
  const expected = (await prepareImage(await profiledPng(undefined, 8), options)).pixels
  const { pixels } = await prepareImage(plain, options)
  pixels.forEach((value, at) => assert.ok(Math.abs(value - expected[at]!) <= 1))
})

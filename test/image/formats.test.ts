/** Every format and colour space, compared with ImageMagick's output. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { prepareImage } from '../../src/image/prepare.js'
import { plainTiff } from '../../src/image/whole-decoders/plain-tiff.js'
import { temporaryFolder } from '../support/app.js'
import { longAvif } from '../support/avif-files.js'
import { alphaBmp, bmpOf, runLengthBmp } from '../support/bitmaps.js'
import { drawn, height, patches, patchesOf, profiledPng, width } from '../support/coded-colour.js'
import { peakOptions } from '../support/decode-peak.js'
import { adobeRgbProfile } from '../support/icc-profile.js'

const raw = { width, height, channels: 3 } as const
const samples = drawn((patch) => [...patch])
const kept = (name: string) => readFile(join('test/image/formats', name))
const picture = () => sharp(samples, { raw })

function adobeRgbTiff(): Buffer {
  const { file, pixels } = plainTiff(width, height, adobeRgbProfile())
  for (let i = 0; i < width * height; i++) pixels.set([...samples.subarray(i * 3, i * 3 + 3), 255], i * 4)
  return file
}

const wide = () =>
  sharp(
    Uint16Array.from(samples, (value) => value * 257),
    { raw },
  ).toColourspace('rgb16')

type Colours = 'srgb' | 'display-p3' | 'adobe-rgb' | 'cmyk' | 'grey'
/**
 * LittleCMS interpolates the tables of an ink profile in two ways, ours and ImageMagick's, which differ by 18 in the
 * blue of dark colours. `own`: ImageMagick cannot read it, or not its profile; its output for the same colours
 * elsewhere applies.
 */
const rows: [name: string, colours: Colours, tolerance: number, file: () => Promise<Buffer>, own?: 'own'][] = [
  ['TIFF', 'srgb', 0, () => picture().tiff({ compression: 'lzw' }).toBuffer()],
  ['TIFF, tiled', 'srgb', 0, () => picture().tiff({ tile: true, compression: 'deflate' }).toBuffer()],
  ['TIFF, 16 bits', 'srgb', 1, () => wide().tiff().toBuffer()],
  ['TIFF, 16 bits, Display P3', 'display-p3', 1, () => kept('display-p3-16-bits.tif')],
  ['TIFF, Adobe RGB', 'adobe-rgb', 1, async () => adobeRgbTiff()],
  ['TIFF, CMYK', 'cmyk', 18, () => picture().withIccProfile('cmyk').tiff({ compression: 'lzw' }).toBuffer()],
  ['TIFF, grey, 16 bits', 'grey', 1, () => picture().toColourspace('grey16').tiff().toBuffer()],
  [
    'JPEG, CMYK',
    'cmyk',
    18,
    () => picture().withIccProfile('cmyk').jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer(),
  ],
  ['PNG, Display P3', 'display-p3', 1, () => profiledPng('p3', 8)],
  ['PNG, 16 bits, Display P3', 'display-p3', 1, () => profiledPng('p3', 16)],
  ['BMP, 24 bits', 'srgb', 0, async () => bmpOf(samples, { width, height, bits: 24 })],
  ['BMP, 32 bits, from the top', 'srgb', 0, async () => bmpOf(samples, { width, height, bits: 32, topDown: true })],
  ['BMP, 16 bits in fields of 5, 6 and 5', 'srgb', 7, async () => bmpOf(samples, { width, height, bits: 16 })],
  ['BMP, 8 bits with a palette', 'srgb', 0, async () => bmpOf(samples, { width, height, bits: 8 })],
  ['BMP, 4 bits with a palette', 'srgb', 0, async () => bmpOf(samples, { width, height, bits: 4 })],
  ['BMP, 8 bits in runs', 'srgb', 0, async () => runLengthBmp(samples, { width, height, bits: 8 })],
  ['BMP, 4 bits in runs', 'srgb', 0, async () => runLengthBmp(samples, { width, height, bits: 4 })],
  ['HEIC', 'srgb', 2, () => kept('srgb.heic')],
  ['HEIC, Display P3', 'display-p3', 3, () => kept('display-p3.heic'), 'own'],
  ['HEIC, 10 bits, Display P3', 'display-p3', 3, () => kept('display-p3-10-bits.heic'), 'own'],
  ['JPEG XL', 'srgb', 0, () => kept('srgb.jxl'), 'own'],
  ['JPEG XL, Display P3', 'display-p3', 1, () => kept('display-p3.jxl'), 'own'],
  ['JPEG XL, 16 bits, Display P3, in boxes', 'display-p3', 1, () => kept('display-p3-16-bits.jxl'), 'own'],
]

/** Squared by doubling every line, so that the patches stay where they were. */
async function preparedPatches(bytes: Uint8Array): Promise<number[][]> {
  const preprocessing = {
    ...peakOptions.preprocessing,
    inputSize: width,
    fit: 'squash',
    resizeShortSide: width,
  } as const
  const { pixels } = await prepareImage(bytes, { preprocessing, maxPixels: 1e6 })
  return patchesOf(
    Uint8Array.from(
      { length: width * height * 3 },
      (_, i) => pixels[Math.floor(i / (3 * width)) * 2 * 3 * width + (i % (3 * width))]!,
    ),
  )
}

function assertNear(
  found: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
  tolerance: number,
): void {
  for (const [i, patch] of found.entries()) {
    const off = Math.max(...patch.map((value, channel) => Math.abs(value - expected[i]![channel]!)))
    assert.ok(off <= tolerance, `patch ${i}: ${patch} is not near ${expected[i]!}`)
  }
}

const golden = JSON.parse(await readFile('test/image/formats/golden.json', 'utf8')) as Record<Colours, number[][]>

for (const [name, colours, tolerance, file] of rows) {
  test(`${name}: its colours match those of ImageMagick`, async () => {
    assertNear(await preparedPatches(await file()), golden[colours], tolerance)
  })
}

test('ImageMagick still returns them', {
  skip: spawnSync('convert', ['-version']).status === 0 ? false : 'ImageMagick is not installed',
}, async (t) => {
  const folder = await temporaryFolder(t)
  const profile = (await sharp(await picture().withIccProfile('srgb').png().toBuffer()).metadata()).icc!
  await writeFile(join(folder, 'srgb.icc'), profile)
  for (const [name, colours, tolerance, file, own] of rows) {
    if (own === 'own') continue
    await writeFile(join(folder, 'picture'), await file())
    const pixels = execFileSync(
      'convert',
      [
        'picture[0]',
        '-profile',
        'srgb.icc',
        '-colorspace',
        'sRGB',
        '-type',
        'TrueColor',
        '-alpha',
        'off',
        '-depth',
        '8',
        'rgb:-',
      ],
      { cwd: folder },
    )
    t.diagnostic(`${name}: ${JSON.stringify(patchesOf(pixels))}`)
    assertNear(patchesOf(pixels), golden[colours], tolerance)
  }
})

test('a picture is rotated as its file says', async () => {
  for (const name of ['turned.heic', 'turned.jxl']) {
    const {
      width: across,
      height: down,
      views,
    } = await prepareImage(await kept(name), {
      preprocessing: { ...peakOptions.preprocessing, inputSize: 32, fit: 'squash', resizeShortSide: 32 },
      maxPixels: 1e6,
    })
    assert.deepEqual([across, down], [height, width], name)
    // what was at the bottom left is at the top left
    assertNear([[...views[0]!.subarray((2 * 32 + 8) * 3, (2 * 32 + 8) * 3 + 3)]], [patches[4]], 8)
  }
})

test('a bitmap whose alpha is 0 everywhere is opaque: its writer left it unused', async () => {
  for (const alpha of [0, 255])
    assertNear(await preparedPatches(alphaBmp(samples, { width, height, bits: 32, alpha })), golden.srgb!, 0)
})

test('pages after the first are ignored', async () => {
  const two = Buffer.concat([samples, samples.map((value) => 255 - value)])
  const stacked = sharp(two, { raw: { width, height: 2 * height, channels: 3, pageHeight: height } })
  const tiff = await stacked.tiff({ compression: 'lzw' }).toBuffer()
  assert.equal((await sharp(tiff).metadata()).pages, 2)
  assertNear(await preparedPatches(tiff), patches, 0)
})

test('damage is reported, whatever it does to the decoder', async () => {
  for (const [name, , , file] of rows) {
    const bytes = await file()
    for (const cut of [bytes.subarray(0, Math.min(250, bytes.length * 0.25)), bytes.subarray(0, 30)])
      await assert.rejects(
        preparedPatches(cut),
        { code: /^image_(unreadable|format_unsupported)$/ },
        `${name}, ${cut.length} bytes`,
      )
  }
})

test('the number of pixels is bounded by the header, before anything is decoded', async () => {
  for (const [, , , file] of rows) {
    const bytes = await file()
    await assert.rejects(
      prepareImage(bytes, { preprocessing: peakOptions.preprocessing, maxPixels: width * height - 1 }),
      { code: 'image_too_many_pixels' },
    )
  }
})

/** A little-endian TIFF with another value, or type, of one of its fields of 16 bits. */
function withField(tiff: Buffer, tag: number, value: number, what: 'value' | 'type' = 'value'): Buffer {
  const changed = Buffer.from(tiff)
  const directory = tiff.readUInt32LE(4)
  for (let i = 0; i < tiff.readUInt16LE(directory); i++) {
    const at = directory + 2 + 12 * i
    if (tiff.readUInt16LE(at) !== tag) continue
    const isInline = tiff.readUInt32LE(at + 4) <= 2
    const valueAt = isInline ? at + 8 : tiff.readUInt32LE(at + 8)
    changed.writeUInt16LE(value, what === 'type' ? at + 2 : valueAt)
    return changed
  }
  throw new Error(`no field ${tag}`)
}

test('a TIFF that is not read is refused by the reason', async () => {
  const [striped, tiled] = await Promise.all([
    picture().tiff({ compression: 'none' }).toBuffer(),
    picture().tiff({ compression: 'none', tile: true }).toBuffer(),
  ])
  const [bits, compression, photometric, planar] = [258, 259, 262, 284]
  const rows: [file: Buffer, detail: RegExp][] = [
    [withField(striped, compression, 50_000), /compressed with Zstandard; none, LZW, Deflate/],
    [withField(striped, compression, 34_925), /compressed with LZMA/],
    [withField(striped, photometric, 8), /in Lab; greyscale, RGB/],
    [withField(striped, bits, 12), /with 12 bits per sample; 1, 2, 4, 8 and 16/],
    [withField(tiled, planar, 2), /separate planes in tiles/],
    // a width of tiles of 32 bits
    [withField(withField(tiled, planar, 2), 322, 4, 'type'), /separate planes in tiles/],
  ]
  for (const [file, detail] of rows)
    await assert.rejects(preparedPatches(file), { code: 'image_format_unsupported', detail })
})

test('an AVIF with a longer side than its decoder reads is refused by this reason', async () => {
  await assert.rejects(preparedPatches(Buffer.from(longAvif, 'base64')), {
    code: 'image_unreadable',
    detail: /^A side has more than 16384 pixels/,
  })
})

test('an orientation that does not exist is ignored', async () => {
  const turned = await picture().withMetadata({ orientation: 3 }).tiff({ compression: 'none' }).toBuffer()
  for (const orientation of [0, 9, 65_535])
    assertNear(await preparedPatches(withField(turned, 274, orientation)), patches, 0)
})

test('bytes that follow a picture made of boxes are ignored, as behind a JPEG', async () => {
  const avif = await picture().avif({ quality: 90, effort: 0 }).toBuffer()
  for (const file of [avif, await kept('srgb.heic'), await kept('display-p3-16-bits.jxl')]) {
    const expected = await preparedPatches(file)
    // the last two cannot be a box: its size would be less than that of its header
    for (const behind of [
      Buffer.from('\n'),
      Buffer.alloc(3),
      Buffer.alloc(5_000, 'x'),
      Buffer.of(255, 216, 255, 224),
      Buffer.of(0, 0, 0, 5, 1, 2, 3, 4, 5),
      Buffer.of(0, 0, 0, 1, 102, 114, 101, 101, 0, 0, 0, 0, 0, 0, 0, 3),
    ])
      assert.deepEqual(await preparedPatches(Buffer.concat([file, behind])), expected)
  }
})

test('a truncated picture made of boxes is distinguished from a damaged one', async () => {
  const avif = await picture().avif({ quality: 90, effort: 0 }).toBuffer()
  for (const file of [avif, await kept('srgb.heic'), await kept('display-p3-16-bits.jxl')]) {
    for (const share of [0.2, 0.6, 0.99]) {
      await assert.rejects(
        preparedPatches(file.subarray(0, Math.floor(file.length * share))),
        { code: 'image_unreadable', detail: 'It ends before its picture does.' },
        `${file.toString('latin1', 4, 12)} ${share}`,
      )
    }
  }
})

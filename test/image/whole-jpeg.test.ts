import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp, { type JpegOptions } from 'sharp'
import { hasAllScans, hasTooManyScans } from '../../src/image/jpeg-scans.js'
import { type PrepareOptions, prepareImage } from '../../src/image/prepare.js'
import { wholeJpeg } from '../../src/image/whole-jpeg.js'
import { leastProcessorMs, processorMs } from '../support/processor-time.js'

const preprocessing = {
  inputSize: 64,
  fit: 'squash',
  resizeShortSide: 64,
  kernel: 'cubic',
  mean: [0, 0, 0],
  std: [1, 1, 1],
} satisfies PrepareOptions['preprocessing']
const options: PrepareOptions = { preprocessing, maxPixels: 1_000_000, copies: true, thumbnail: { maxSide: 32 } }

const width = 240
const height = 160
const drawn = Buffer.from(
  Array.from(
    { length: width * height * 3 },
    (_, i) => 128 + 90 * Math.sin(i / 17) + 30 * Math.sin(i / (3 * width) / 5),
  ),
)
const encode = (how: JpegOptions) => sharp(drawn, { raw: { width, height, channels: 3 } }).jpeg({ quality: 90, ...how })
const pixelsOf = async (bytes: Uint8Array) => (await prepareImage(bytes, options)).pixels
const startOfScan = Buffer.of(0xff, 0xda)

for (const progressive of [false, true]) {
  const kind = progressive ? 'progressive' : 'baseline'

  test(`a ${kind} JPEG that lacks only its end marker is read like the whole one`, async () => {
    const good = await encode({ progressive }).toBuffer()
    const expected = await pixelsOf(good)
    const firstSegmentEnd = 4 + good.readUInt16BE(4)
    const rows = {
      'no end marker': good.subarray(0, -2),
      'half an end marker': good.subarray(0, -1),
      'bytes behind the end marker': Buffer.concat([good, Buffer.alloc(5_000, 7)]),
      'bytes between the segments of the header': Buffer.concat([
        good.subarray(0, firstSegmentEnd),
        Buffer.of(1, 2, 3),
        good.subarray(firstSegmentEnd),
      ]),
      'fill bytes before a segment': Buffer.concat([good.subarray(0, 2), Buffer.alloc(9, 0xff), good.subarray(2)]),
    }
    for (const [name, bytes] of Object.entries(rows)) assert.deepEqual(await pixelsOf(bytes), expected, name)
  })

  test(`a truncated ${kind} JPEG is refused and distinguished from a damaged one`, async () => {
    const good = await encode({ progressive }).toBuffer()
    const scan = good.lastIndexOf(startOfScan) + 20
    for (const share of [0.1, 0.5, 0.95]) {
      const cut = good.subarray(0, Math.floor(scan + (good.length - scan) * share))
      await assert.rejects(pixelsOf(cut), { code: 'image_unreadable', detail: 'It ends before its picture does.' })
      await assert.rejects(pixelsOf(Buffer.concat([cut, Buffer.of(0xff, 0xd9)])), {
        code: 'image_unreadable',
        detail: 'Its picture data is damaged.',
      })
    }
  })
}

test('a JPEG with a marker in the middle of its picture data is refused as damaged', async () => {
  const damaged = Buffer.from(await encode({}).toBuffer())
  const at = Math.floor((damaged.indexOf(startOfScan) + damaged.length) / 2)
  damaged.set([0xff, 0xc0, 0xff, 0xc0], at)
  await assert.rejects(pixelsOf(damaged), { code: 'image_unreadable', detail: 'Its picture data is damaged.' })
})

test("the end marker of a thumbnail in the header does not count as the picture's", async () => {
  const thumbnail = await encode({ quality: 5 }).toBuffer()
  const segment = Buffer.concat([
    Buffer.of(0xff, 0xe5, (thumbnail.length + 2) >> 8, (thumbnail.length + 2) & 255),
    thumbnail,
  ])
  const good = await encode({}).toBuffer()
  const bytes = Buffer.concat([good.subarray(0, 2), segment, good.subarray(2, -2)])
  assert.equal(wholeJpeg(bytes).ended, false)
  assert.deepEqual(await pixelsOf(bytes), await pixelsOf(good))
})

test('fields without information about the picture are ignored', async () => {
  const good = await encode({}).toBuffer()
  const spectral = Buffer.from(good)
  const scan = good.indexOf(startOfScan)
  spectral[scan + 2 + good.readUInt16BE(scan + 2) - 2] = 0
  const jfif = Buffer.concat([
    good.subarray(0, 2),
    Buffer.from('ffe000104a46494600090000010001' + '000000', 'hex'),
    good.subarray(2),
  ])
  for (const bytes of [spectral, jfif]) assert.deepEqual(await pixelsOf(bytes), await pixelsOf(good))
})

test('a JPEG that needs no repair is not copied', async () => {
  const good = await encode({}).toBuffer()
  assert.equal(wholeJpeg(good).bytes, good)
})

test('a header of megabytes takes no longer to examine than a small one', async () => {
  const good = await encode({}).toBuffer()
  const hasManySegments = { code: 'image_format_unsupported', message: /4096 segments/ }
  const isOverwritten = { code: 'image_unreadable', message: /65536 bytes between two segments/ }
  for (const [filling, isBeyondBounds] of [
    [Buffer.of(0xff, 0xe5, 0, 2), hasManySegments],
    [Buffer.of(0), isOverwritten],
    [Buffer.of(0xff), isOverwritten],
    [Buffer.of(0xff, 0), isOverwritten],
  ] as const) {
    const long = Buffer.concat([good.subarray(0, 2), Buffer.alloc(20_000_000, filling), good.subarray(2)])
    // a tenth of the time to look at each byte, and ten times what is needed
    const copying = await leastProcessorMs(() => Buffer.from(long).reverse())
    const looking = await leastProcessorMs(() => assert.throws(() => wholeJpeg(long), isBeyondBounds))
    assert.ok(looking < 2 * copying, `looking took ${looking} ms, copying ${copying} ms`)
  }
})

test('examining arbitrary bytes always ends', () => {
  const start = [0xff, 0xd8, 0xff]
  for (const rest of [
    [],
    [0xe0],
    [0xe0, 0xff],
    [0xe0, 0, 0],
    [0xe0, 0, 0, 0xff, 0xd8],
    [0xff, 0xff],
    [0, 0xff, 0, 0xff],
    [0xd8, 0xff, 0x01, 0xff, 0xda],
  ]) {
    assert.equal(wholeJpeg(Buffer.from([...start, ...rest])).ended, false)
  }
})

/** Where the scans after the first begin: after the last entropy-coded byte of the previous one. */
function scanEnds(file: Buffer): number[] {
  const ends: number[] = []
  let inScan = false
  for (let at = 2; at + 4 <= file.length; ) {
    const code = file[at + 1]!
    if (inScan && (file[at] !== 0xff || code === 0 || (code >= 0xd0 && code <= 0xd7))) {
      at = file.indexOf(0xff, at + 1)
      continue
    }
    if (inScan) ends.push(at)
    inScan = code === 0xda
    at += 2 + file.readUInt16BE(at + 2)
    if (inScan) at = file.indexOf(0xff, at)
  }
  return ends
}

test('a progressive JPEG cut off between any two of its scans is refused', async () => {
  const good = await encode({ progressive: true }).toBuffer()
  const ends = scanEnds(good)
  assert.ok(ends.length >= 5, String(ends))
  const last = good.length - 2
  for (const end of ends.filter((place) => place < last)) {
    for (const cut of [end, end + 1, end + 3, end + 12]) {
      await assert.rejects(
        pixelsOf(good.subarray(0, cut)),
        { code: 'image_unreadable', detail: 'It ends before its picture does.' },
        `cut at ${cut} of ${good.length}`,
      )
    }
  }
  assert.deepEqual(await pixelsOf(good.subarray(0, last)), await pixelsOf(good))
})

test('a progressive JPEG whose encoder ended it early, with an end marker, is accepted', async () => {
  const good = await encode({ progressive: true }).toBuffer()
  const early = Buffer.concat([good.subarray(0, scanEnds(good).at(-3)), Buffer.of(0xff, 0xd9)])
  assert.equal((await prepareImage(early, options)).width, width)
})

test('a JPEG of more scans than encoders write is refused: each goes over all pixels, in a dozen bytes', async () => {
  const tooMany = {
    code: 'image_format_unsupported',
    detail: 'It is a JPEG of more than 100 scans; encoders write about a dozen.',
  }
  assert.equal((await prepareImage(jpegOfScans(100), options)).width, 64)
  const refused = jpegOfScans(101)
  const scan = refused.indexOf(startOfScan)
  const before = (marker: string, place: number) =>
    Buffer.concat([refused.subarray(0, place), Buffer.from(marker, 'hex'), refused.subarray(place)])
  const frame = refused.indexOf(Buffer.of(0xff, 0xc2))
  const rows: [what: string, file: Buffer][] = [
    ['as it is', refused],
    ['without an end marker', refused.subarray(0, -2)],
    // the decoder knows that these have no length
    ['after a marker without a length', before('ff01ffff', refused.indexOf(startOfScan, scan + 2))],
    ['after a restart that hides the frame', before('ffd000fe', frame)],
    ['after a comment with an end marker in it', before('fffe0004ffd9', refused.indexOf(startOfScan, scan + 2))],
  ]
  for (const [what, file] of rows) await assert.rejects(pixelsOf(file), tooMany, what)
  const followed = Buffer.concat([jpegOfScans(2), jpegOfScans(200)])
  assert.equal((await prepareImage(followed, options)).width, 64, 'what follows the picture is no part of it')
})

test('restart markers after every block of a progressive JPEG are no scans', async () => {
  const restarting = Array.from({ length: 32 * 32 }, (_, n) => `7fffd${n % 8}`).join('') // a bit each
  const file = [
    `ffd8ffdb004300${'01'.repeat(64)}ffc2000b080100010001011100ffdd00040001`,
    oneCode('00', '00') + oneCode('10', '00'), // 0 of a mean; an ended block
    `ffda0008010100000000${restarting.slice(0, -4)}`,
    `ffda0008010100013f00${restarting.slice(0, -4)}ffd9`,
  ]
  assert.equal((await prepareImage(Buffer.from(file.join(''), 'hex'), options)).width, 256)
})

/** A table of one Huffman code, the bit 0. */
const oneCode = (kind: string, symbol: string) => `ffc40014${kind}01${'00'.repeat(15)}${symbol}`

/** Grey, 64 × 64 pixels, progressive: a scan of the means, and others in which all 64 blocks end at once. */
function jpegOfScans(count: number): Buffer {
  return Buffer.from(
    [
      `ffd8ffdb004300${'01'.repeat(64)}ffc2000b080040004001011100`,
      oneCode('00', '00') + oneCode('10', '60'), // 0 of a mean; a run of 64 to 127 ended blocks
      `ffda0008010100000000${'00'.repeat(8)}`,
      `ffda000801010001${'3f00'}01`.repeat(count - 1),
      'ffd9',
    ].join(''),
    'hex',
  )
}

test('searching for scans is fast for any bytes', async () => {
  const frame = Buffer.from('ffc20011080008000803011100021100031100', 'hex')
  const scan = Buffer.from('ffda000c03010002000300000001', 'hex')
  for (const filling of ['ff00', 'ff', 'ffd0', 'ffda0002', 'ffc40002', 'ffda0005ff']) {
    const data = Buffer.alloc(20_000_000, Buffer.from(filling, 'hex'))
    const search = () => assert.equal(hasAllScans([frame, scan], data), false)
    assert.ok((await processorMs(search)) < 2_000, filling)
    assert.ok((await processorMs(() => hasTooManyScans([frame, scan], data))) < 2_000, filling)
  }
})

test('checking for missing scans ends for any bytes', () => {
  const frame = Buffer.from('ffc2001108000800080301110002110003110', 'hex')
  const scan = Buffer.from('ffda000c03010002000300000001', 'hex')
  for (const data of [
    Buffer.alloc(0),
    Buffer.alloc(100_000, 0xff),
    Buffer.from('ffda', 'hex'),
    Buffer.from('ffc40000ff', 'hex'),
    Buffer.alloc(100_000, Buffer.of(0xff, 0xda, 0, 0)),
  ]) {
    assert.equal(hasAllScans([frame, scan], data), false)
    assert.equal(hasAllScans([scan], data), true)
    assert.equal(hasAllScans([], data), true)
  }
})

/** Grey, all samples 128: every difference is coded as the bit 0. */
function losslessJpeg(side: number): Buffer {
  const [high, low] = [side >> 8, side & 255]
  return Buffer.concat([
    Buffer.from('ffd8', 'hex'),
    Buffer.from(`ffc400140001${'00'.repeat(16)}`, 'hex'),
    Buffer.of(0xff, 0xc3, 0, 11, 8, high, low, high, low, 1, 1, 0x11, 0),
    Buffer.from('ffda0008010100010000', 'hex'),
    Buffer.alloc((side * side) / 8),
    Buffer.from('ffd9', 'hex'),
  ])
}

test('a JPEG whose coding is not read is refused by its name', async () => {
  const good = await encode({}).toBuffer()
  const frame = good.indexOf(Buffer.of(0xff, 0xc0))
  const changed = (at: number, value: number) => Buffer.from(good).fill(value, at, at + 1)
  const supported = 'baseline and progressive ones with 8 bits are supported.'
  const rows: [file: Buffer, coding: string][] = [
    [losslessJpeg(256), 'lossless'],
    [changed(frame + 1, 0xf7), 'lossless (JPEG-LS)'],
    [changed(frame + 1, 0xc5), 'hierarchical'],
    [changed(frame + 4, 12), 'coded with 12 bits per sample'],
  ]
  for (const [file, coding] of rows) {
    await assert.rejects(pixelsOf(file), {
      code: 'image_format_unsupported',
      detail: `It is a JPEG that is ${coding}; ${supported}`,
    })
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { plainJpegHeader } from '../../src/image/plain-jpeg-header.js'

const of = (channels: 3 | 4 = 3) => sharp({ create: { width: 90, height: 61, channels, background: '#456' } })

test('an ordinary header is read as by the decoder', async () => {
  const rows = [
    of().jpeg(),
    of().jpeg({ progressive: true }),
    of().jpeg({ chromaSubsampling: '4:4:4' }),
    of().greyscale().jpeg(),
    of().withIccProfile('p3').jpeg(),
    of().withXmp('<x/>').jpeg(),
    of().jpeg({ quality: 100, mozjpeg: true }),
  ]
  for (const row of rows) {
    const file = await row.toBuffer()
    const header = plainJpegHeader(file)
    assert.ok(header)
    const { width, height, channels, chromaSubsampling, isProgressive, depth, orientation, autoOrient } =
      await sharp(file).metadata()
    assert.deepEqual(header, { width, height, channels, chromaSubsampling, isProgressive, depth, autoOrient })
    assert.equal(orientation, undefined)
  }
})

test('anything unusual is left to the decoder', async () => {
  const plain = await of().jpeg().toBuffer()
  const frame = plain.indexOf(Buffer.of(0xff, 0xc0))
  const changed = (at: number, value: number) => Buffer.from(plain).fill(value, at, at + 1)
  const rows = {
    turned: await of().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    'four channels': await of().toColourspace('cmyk').jpeg().toBuffer(),
    'twelve bits': changed(frame + 4, 12),
    'no width': Buffer.from(plain).fill(0, frame + 7, frame + 9),
    'other sampling': changed(frame + 11, 0x21),
    'stray bytes': Buffer.concat([plain.subarray(0, 2), Buffer.of(1, 2), plain.subarray(2)]),
    cut: plain.subarray(0, frame + 8),
    'arithmetic coding': changed(frame + 1, 0xc9),
    nothing: plain.subarray(0, 2),
  }
  for (const [name, file] of Object.entries(rows)) assert.equal(plainJpegHeader(file), undefined, name)
})

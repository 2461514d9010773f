import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { allPixels, openImage } from '../../src/image/decoder.js'
import { gifWithClearCanvas } from '../../src/image/gif-canvas.js'

const red = [200, 40, 40]
const white = [255, 255, 255]

/** Frames of 8 × 8, all red, none of them with a transparent colour. */
async function redGif(frames: number): Promise<Buffer> {
  const samples = Uint8Array.from({ length: 8 * 8 * frames * 3 }, (_, i) => red[i % 3]!)
  const raw = { width: 8, height: 8 * frames, channels: 3, pageHeight: 8 } as const
  const gif = await sharp(samples, { raw }).gif({ keepDuplicateFrames: true }).toBuffer()
  const control = Buffer.from([0x21, 0xf9, 4])
  for (let at = gif.indexOf(control); at !== -1; at = gif.indexOf(control, at + 1)) gif[at + 3]! &= ~1
  return gif
}

/** The same on a canvas of 16 × 16, with the first frame in the middle. */
async function partialGif(frames = 1): Promise<Buffer> {
  const gif = await redGif(frames)
  const at = gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, 8, 0, 8, 0]))
  for (const side of [6, 8]) gif.writeUInt16LE(16, side)
  for (const place of [at + 1, at + 3]) gif.writeUInt16LE(4, place)
  return gif
}

/** At the corner and in the middle. */
async function shown(gif: Buffer): Promise<number[][]> {
  const { rgb, width, height } = await allPixels(await openImage(gif, 1e4))
  const middle = ((height / 2) * width + width / 2) * 3
  return [0, middle].map((at) => [...rgb.subarray(at, at + 3)])
}

/** Without the extensions: a GIF87a has none. */
function withoutExtensions(gif: Buffer): Buffer {
  const frame = gif.indexOf(Buffer.from([0x2c, 4, 0, 4, 0]))
  const palette = 13 + 3 * 2 ** ((gif[10]! & 7) + 1)
  return Buffer.concat([Buffer.from('GIF87a'), gif.subarray(6, palette), gif.subarray(frame)])
}

test('what the first frame of a GIF leaves of its canvas is transparent, as in a browser', async () => {
  assert.deepEqual(await shown(await partialGif()), [white, red])
  assert.deepEqual(await shown(await partialGif(3)), [white, red], 'animated')
  assert.deepEqual(await shown(withoutExtensions(await partialGif())), [white, red], 'GIF87a')
})

test('a GIF whose first frame covers its canvas is left as it is, and so is one that ends too early', async () => {
  const whole = await redGif(2)
  assert.equal(gifWithClearCanvas(whole), whole)
  assert.deepEqual(await shown(whole), [red, red])
  const partial = await partialGif()
  for (let bytes = 0; bytes < partial.length - 1; bytes++) {
    const cut = partial.subarray(0, bytes)
    assert.equal(gifWithClearCanvas(cut), cut)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { augmentImage } from '../../src/image/augment.js'

const preprocessing = {
  inputSize: 16,
  fit: 'cover' as const,
  resizeShortSide: 20,
  kernel: 'linear' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const image = await sharp(Buffer.from(Array.from({ length: 60 * 40 * 3 }, (_, i) => (i * 13) % 256)), {
  raw: { width: 60, height: 40, channels: 3 },
})
  .png()
  .toBuffer()

/** A repeating sequence. */
function fixed(...values: number[]): () => number {
  let next = 0
  return () => values[next++ % values.length]!
}

test('the same random numbers give the same view, others another', async () => {
  const view = (...values: number[]) => augmentImage(image, { preprocessing, random: fixed(...values) })
  const first = await view(0.1, 0.7, 0.4)
  assert.equal(first.length, 16 * 16 * 3)
  assert.deepEqual(await view(0.1, 0.7, 0.4), first)
  assert.notDeepEqual(await view(0.3, 0.9, 0.2), first)
})

test('without jitter a grey picture is unchanged, with jitter it is not', async () => {
  const grey = await sharp({ create: { width: 50, height: 30, channels: 3, background: '#646464' } })
    .png()
    .toBuffer()
  const plain = await augmentImage(grey, { preprocessing, random: fixed(0.9), colourJitter: 0 })
  assert.ok(plain.every((value) => value === 100))
  const bright = await augmentImage(grey, { preprocessing, random: fixed(0.99999), colourJitter: 0.2 })
  assert.ok(bright.every((value) => value === 120))
})

test('mirroring swaps left and right', async () => {
  const ramp = await sharp(Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (Math.floor(i / 3) % 64) * 4)), {
    raw: { width: 64, height: 64, channels: 3 },
  })
    .png()
    .toBuffer()
  const view = (mirror: number) =>
    augmentImage(ramp, { preprocessing, random: fixed(1, 0.5, 0, 0, mirror, 0.5, 0.5, 0.5), colourJitter: 0 })
  const [plain, mirrored] = [await view(0.9), await view(0.1)]
  assert.ok(plain[0]! < plain[45]!)
  assert.ok(mirrored[0]! > mirrored[45]!)
})

test('a wild view is shrunk, re-encoded, greyed, blurred or framed according to its random numbers', async () => {
  const colours = await sharp({ create: { width: 80, height: 80, channels: 3, background: '#c02040' } })
    .png()
    .toBuffer()
  const rest = [1, 0.5, 0, 0, 0.9, 0.5, 0.5, 0.5]
  const wild = (size: number, grey: number, border: number, shade = 0) =>
    augmentImage(colours, {
      preprocessing,
      random: fixed(...rest, size, grey, 1, border, shade, 1, 1, 0.5),
      colourJitter: 0,
      wild: true,
    })
  const middle = (pixels: Uint8Array) => [...pixels.subarray((8 * 16 + 8) * 3, (8 * 16 + 8) * 3 + 3)]
  const near = (found: number[], wanted: number[]) => found.every((value, i) => Math.abs(value - wanted[i]!) < 6)
  const plain = await wild(0, 1, 1)
  assert.equal(plain.length, 16 * 16 * 3)
  assert.ok(near(middle(plain), [0xc0, 0x20, 0x40]))
  const grey = middle(await wild(1, 0, 1))
  assert.ok(Math.max(...grey) - Math.min(...grey) < 3, grey.join())
  const framed = await wild(0, 1, 0.19, 0.6)
  assert.ok(near(middle(framed), [0xc0, 0x20, 0x40]))
  assert.ok(framed[0]! < 40, 'the frame is black')
})

test('every picture consumes the same number of random numbers', async () => {
  let count = 0
  const random = () => {
    count++
    return 0.5
  }
  await augmentImage(image, { preprocessing, random })
  const first = count
  await augmentImage(image, { preprocessing, random, colourJitter: 0 })
  assert.equal(count, 2 * first)
})

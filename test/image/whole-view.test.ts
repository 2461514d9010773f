import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { prepareImage } from '../../src/image/prepare.js'
import { drawScene } from '../support/drawn-scenes.js'

const square = {
  inputSize: 120,
  fit: 'cover' as const,
  resizeShortSide: 120,
  kernel: 'cubic' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}

test("the model's square is bit-identical, with or without a copy descriptor", async (t) => {
  const scene = await drawScene(3)
  const rows = {
    'cut to the square': square,
    'too small for copies': { ...square, inputSize: 32, resizeShortSide: 32 },
    'cut with a margin': { ...square, resizeShortSide: 131 },
    squashed: { ...square, fit: 'squash' as const },
  }
  for (const [name, preprocessing] of Object.entries(rows)) {
    await t.test(name, async () => {
      for (const [width, height] of [
        [1, 1],
        [50, 12],
        [13, 50],
        [64, 64],
        [120, 120],
        [131, 170],
        [401, 300],
        [300, 401],
        [640, 160],
        [640, 161],
        [777, 333],
        [1_003, 999],
        [3, 900],
      ] as const) {
        for (const orientation of [1, 6]) {
          const bytes = await sharp(scene)
            .resize(width, height, { fit: 'fill' })
            .withMetadata({ orientation })
            .png()
            .toBuffer()
          for (const region of [undefined, { x: 0.1, y: 0.2, width: 0.6, height: 0.37, unit: 'relative' as const }]) {
            const options = { preprocessing, maxPixels: 1e7, ...(region && { region }) }
            const [plain, described] = await Promise.all([
              prepareImage(bytes, options),
              prepareImage(bytes, { ...options, copies: true }),
            ])
            assert.equal(
              Buffer.compare(plain.pixels, described.pixels),
              0,
              `${width} × ${height}, orientation ${orientation}`,
            )
            assert.equal(plain.describe, undefined)
            assert.notEqual(described.describe, undefined)
          }
        }
      }
    })
  }
})

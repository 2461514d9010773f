import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { seededRandom } from '../../src/eval/random.js'
import { cubicSquare } from '../../src/image/cubic-enlargement.js'
import { linearSquare } from '../../src/image/linear-enlargement.js'

for (const [kernel, enlargedSquare] of [
  ['linear', linearSquare],
  ['cubic', cubicSquare],
  ['lanczos3', cubicSquare],
] as const)
  test(`a small picture is enlarged bit for bit as by sharp with the kernel ${kernel}`, async () => {
    const random = seededRandom(7)
    const sizes: [number, number][] = [
      [1, 1],
      [2, 1],
      [1, 5],
      [231, 231],
      [231, 600],
      [275, 183],
      [183, 275],
      [116, 174],
      [58, 900],
      [223, 224],
    ]
    for (let i = 0; i < 60; i++) sizes.push([Math.ceil(random() * 300), Math.ceil(random() * 223)])
    for (const [width, height] of sizes) {
      const rgb = Uint8Array.from({ length: width * height * 3 }, () => Math.floor(random() * 256))
      for (const [inputSize, resizeShortSide] of [
        [224, 232],
        [224, 224],
        [97, 131],
      ] as const) {
        if (Math.min(width, height) >= resizeShortSide) continue
        const margin = Math.floor((resizeShortSide - inputSize) / 2)
        const resized = sharp(rgb, { raw: { width, height, channels: 3 } }).resize(resizeShortSide, resizeShortSide, {
          kernel,
          fit: 'cover',
          fastShrinkOnLoad: false,
        })
        const expected = await (margin === 0
          ? resized
          : resized.extract({ left: margin, top: margin, width: inputSize, height: inputSize })
        )
          .raw()
          .toBuffer()
        const found = enlargedSquare(
          { rgb, width, height },
          { inputSize, resizeShortSide, fit: 'cover', kernel, mean: [0, 0, 0], std: [1, 1, 1] },
        )
        assert.equal(Buffer.compare(found, expected), 0, `${width} × ${height} to ${resizeShortSide}, ${inputSize}`)
      }
    }
  })

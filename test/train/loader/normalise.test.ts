import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { seededRandom } from '../../../src/eval/random.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { eraseSquares, normalised } from '../../../src/train/loader/normalise.js'

before(() => chooseBackend('cpu'))

const preprocessing = {
  inputSize: 8,
  fit: 'squash' as const,
  resizeShortSide: 8,
  kernel: 'linear' as const,
  mean: [10, 20, 30],
  std: [1, 2, 4],
}

test('pixels become (value − mean) / std per channel', () => {
  const tensor = normalised(Uint8Array.of(11, 22, 34, 10, 20, 30, 0, 0, 0, 255, 255, 255), 2, preprocessing)
  assert.deepEqual(tensor.shape, [1, 2, 2, 3])
  assert.deepEqual([...tensor.dataSync()], [1, 1, 1, 0, 0, 0, -10, -10, -7.5, 245, 117.5, 56.25])
})

test('erasing fills one square with the mean colour in the requested share of pictures', () => {
  const erased = (share: number) => {
    const pixels = new Uint8Array(40 * 8 * 8 * 3).fill(200)
    eraseSquares(pixels, { side: 8, mean: preprocessing.mean, share, random: seededRandom(1) })
    return Array.from({ length: 40 }, (_, image) => pixels.subarray(image * 192, (image + 1) * 192))
  }
  assert.ok(erased(0).every((image) => image.every((value) => value === 200)))
  for (const image of erased(1)) {
    const painted = [...Array(64).keys()].filter(
      (place) => image[place * 3] === 10 && image[place * 3 + 1] === 20 && image[place * 3 + 2] === 30,
    )
    const side = Math.sqrt(painted.length)
    assert.ok(Number.isInteger(side) && side >= 2 && side <= 4, `${painted.length} pixels`)
    assert.equal(painted.at(-1)! - painted[0]!, (side - 1) * 9)
  }
  const some = erased(0.4).filter((image) => image.includes(10)).length
  assert.ok(some > 8 && some < 24, `${some} of 40`)
})

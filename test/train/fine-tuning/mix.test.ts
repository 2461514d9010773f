import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { seededRandom } from '../../../src/eval/random.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { type Mix, mixed, planMix } from '../../../src/train/fine-tuning/mix.js'

await chooseBackend('cpu')
const [count, side] = [4, 32]
/** Row r is filled with r. */
const rows = (): tf.Tensor4D =>
  tf.tensor4d(
    Array.from({ length: count * side * side * 3 }, (_, i) => Math.floor(i / (side * side * 3))),
    [count, side, side, 3],
  )

test('every batch is mixed as planned: each row with its partner, in the planned shares', () => {
  const random = seededRandom(5)
  const plans = Array.from({ length: 200 }, () => planMix(count, random))
  const kinds = plans.map(({ box }) => (box === undefined ? 'mixup' : 'cutmix'))
  for (const kind of ['mixup', 'cutmix']) assert.ok(kinds.filter((each) => each === kind).length > 60, kind)
  for (const plan of plans) {
    assert.deepEqual([...plan.partners].sort(), [0, 1, 2, 3])
    assert.ok(plan.share >= 0 && plan.share <= 1)
    const means = tf.tidy(() => tf.mean(mixed(rows(), plan), [1, 2, 3]).arraySync()) as number[]
    // a box edge lies between two pixels, so one row and column may be on either side
    const tolerance = plan.box === undefined ? 1e-5 : (3 * 2.5) / side
    means.forEach((mean, row) =>
      assert.ok(
        Math.abs(mean - (plan.share * row + (1 - plan.share) * plan.partners[row]!)) < tolerance,
        JSON.stringify(plan),
      ),
    )
  }
})

test('vectors have no places: a box blends them in the planned shares', () => {
  const vectors = tf.tensor4d([0, 1, 2, 3], [count, 1, 1, 1])
  const plan: Mix = { partners: [1, 0, 3, 2], share: 0.75, box: { left: 0.5, top: 0.25, side: 0.5 } }
  assert.deepEqual([...mixed(vectors, plan).dataSync()], [0.25, 0.75, 2.25, 2.75])
})

test('a box holds the partner and nothing else changes', () => {
  const plan: Mix = { partners: [1, 0, 3, 2], share: 0.75, box: { left: 0.5, top: 0.25, side: 0.5 } }
  const image = (mixed(rows(), plan).arraySync() as number[][][][])[2]!
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) assert.equal(image[y]![x]![0], x >= 16 && y >= 8 && y < 24 ? 3 : 2, `${x}, ${y}`)
  }
})

test('most blends are nearly one of the two pictures', () => {
  const random = seededRandom(9)
  const shares = Array.from({ length: 2000 }, () => planMix(2, random))
    .filter(({ box }) => box === undefined)
    .map(({ share }) => share)
  const nearEnds = shares.filter((share) => Math.min(share, 1 - share) < 0.05).length / shares.length
  assert.ok(nearEnds > 0.4 && nearEnds < 0.8, String(nearEnds))
  assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) / shares.length - 0.5) < 0.05)
})

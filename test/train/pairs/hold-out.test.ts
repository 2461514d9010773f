import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import { holdOut } from '../../../src/train/pairs/hold-out.js'

test('held-out classes are absent from train and labels, and are all that is left of val', async () => {
  await chooseBackend('cpu')
  const labels = ['a', 'b', 'c']
  const images = Array.from({ length: 12 }, (_, i) => ({
    id: `${i}`,
    label: labels[i % 3]!,
    group: `${i}`,
    split: i < 6 ? ('train' as const) : ('val' as const),
    source: { path: '' },
  }))
  const data = {
    images,
    labels,
    train: [0, 1, 2, 3, 4, 5],
    val: [6, 7, 8, 9, 10, 11],
    test: [],
    classOf: [0, 1, 2, 0, 1, 2],
    judged: [],
    learntFrom: [],
  }
  const column = (values: number[]) => tf.tensor4d(values, [values.length, 1, 1, 1])
  const { data: rest, features } = holdOut(
    {
      train: column([0, 1, 2, 3, 4, 5]),
      trainViews: [column([0, 10, 20, 30, 40, 50])],
      val: column([6, 7, 8, 9, 10, 11]),
    },
    data,
    ['b'],
  )

  assert.deepEqual(rest.labels, ['a', 'c'])
  assert.deepEqual(
    [rest.train, rest.classOf, rest.val],
    [
      [0, 2, 3, 5],
      [0, 1, 0, 1],
      [7, 10],
    ],
  )
  assert.deepEqual(
    [...features.train.dataSync(), ...features.trainViews[0]!.dataSync(), ...features.val.dataSync()],
    [0, 2, 3, 5, 0, 20, 30, 50, 7, 10],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SplitImage } from '../../../src/datasets/split.js'
import { planBatches } from '../../../src/train/fine-tuning/plan.js'
import { defaultFineTuneSettings } from '../../../src/train/fine-tuning/settings.js'

test('copies in a batch count as the same picture, which the instance part does not tell apart', () => {
  const groups = ['a', 'b', 'b', 'c']
  const images = groups.map(
    (group, i): SplitImage => ({ id: `${i}`, label: `${i % 2}`, split: 'train', group, source: { path: '' } }),
  )
  const data = {
    images,
    labels: ['0', '1'],
    train: [0, 1, 2, 3],
    val: [],
    test: [],
    classOf: [0, 1, 0, 1],
    judged: [],
    learntFrom: [],
  }
  const settings = { ...defaultFineTuneSettings, data: '', init: '', name: '', batch: { classes: 2, samples: 2 } }
  const [batch] = planBatches(data, settings, 0)
  assert.equal(batch!.pictures.length, batch!.members.length)
  assert.deepEqual(
    batch!.members.map(({ member }) => groups[member]),
    batch!.pictures.map((picture) => groups[picture]),
  )
  assert.deepEqual([...new Set(batch!.pictures)].sort(), [0, 1, 3])
})

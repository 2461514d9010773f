import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LabelledImage } from '../../src/datasets/labelled-image.js'
import { withSplit } from '../../src/datasets/split.js'
import { seededRandom } from '../../src/eval/random.js'

const shares = { val: 0.1, test: 0.2 }

/** Two labels of 100 pictures; every fifth one is a copy of its predecessor. */
function images(): LabelledImage[] {
  return ['cat', 'dog'].flatMap((label) =>
    Array.from({ length: 100 }, (_, i) => {
      const id = `${label}/${i}`
      return { id, label, group: i % 5 === 4 ? `${label}/${i - 1}` : id, source: { path: id } }
    }),
  )
}

test('a split is stratified by label and never separates a duplicate group', () => {
  const dealt = withSplit(images(), shares, seededRandom(1))
  for (const label of ['cat', 'dog']) {
    const count = (split: string) => dealt.filter((image) => image.label === label && image.split === split).length
    assert.deepEqual([count('test'), count('val'), count('train')], [20, 10, 70])
  }
  const splitOf = new Map(dealt.map(({ group, split }) => [group, split]))
  assert.ok(dealt.every(({ group, split }) => splitOf.get(group) === split))
})

test('the same seed gives the same split, another seed another', () => {
  const deal = (seed: number) => withSplit(images(), shares, seededRandom(seed)).map(({ split }) => split)
  assert.deepEqual(deal(1), deal(1))
  assert.notDeepEqual(deal(1), deal(2))
})

test('an existing split is kept; a missing val is taken from train alone', () => {
  const halves = images().map(
    (image, index): LabelledImage => ({ ...image, split: Math.floor(index / 10) % 2 === 0 ? 'train' : 'test' }),
  )
  const dealt = withSplit(halves, shares, seededRandom(1))
  assert.ok(dealt.every(({ split }, index) => (halves[index]!.split === 'test' ? split === 'test' : split !== 'test')))
  assert.equal(dealt.filter(({ split }) => split === 'val').length, 10)
  const complete = halves.map((image, index): LabelledImage => (index % 10 === 0 ? { ...image, split: 'val' } : image))
  assert.deepEqual(withSplit(complete, shares, seededRandom(1)), complete)
})

test('a test picture stays one, even if a copy of it is trained on', () => {
  const given = images().map((image, index): LabelledImage => ({ ...image, split: index % 5 === 4 ? 'test' : 'train' }))
  const dealt = withSplit(given, shares, seededRandom(1))
  assert.ok(dealt.every(({ split }, index) => (split === 'test') === (given[index]!.split === 'test')))
})

test('pictures of one group with different labels stay together', () => {
  const mixed = ['cat', 'dog', 'cat', 'dog'].map(
    (label, i): LabelledImage => ({ id: `${i}`, label, group: 'one', source: { path: '' } }),
  )
  assert.equal(new Set(withSplit(mixed, { val: 0.5, test: 0.5 }, seededRandom(3)).map(({ split }) => split)).size, 1)
})

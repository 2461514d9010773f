import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CopyGroups } from '../../../src/analysis/findings/copy-groups.js'
import { findLabelConflicts } from '../../../src/analysis/findings/label-conflicts.js'
import { type Answered, Settled } from '../../../src/analysis/findings/settled.js'

const ids = ['a', 'b', 'c', 'd']
const contentHashes = ['same', 'same', 'same', 'other']
const labels = ['x', 'y', 'x', null]
const images = { ids, contentHashes, labels }

function answered(kind: Answered['kind'], decision: string, about: string, changed: object = {}): Answered {
  return {
    kind,
    decision,
    images: [...about].map((id) => {
      const position = ids.indexOf(id)
      return { id, contentHash: contentHashes[position]!, label: labels[position]!, ...changed }
    }),
  }
}

const groupsOf = (answers: Answered[], decisions = ['not-copies', 'dismissed']) => {
  const apart = new Settled(images, answers).apart(decisions)
  const groups = CopyGroups.ofContent(contentHashes, apart).list()
  return { groups: groups.map((members) => members.map((position) => ids[position]).join('')), left: apart.count }
}

test('files decided not to be copies are joined only by their remaining links', () => {
  assert.deepEqual(groupsOf([]), { groups: ['abc'], left: 0 })
  assert.deepEqual(groupsOf([answered('copies', 'not-copies', 'abc')]), { groups: [], left: 1 })
  assert.deepEqual(groupsOf([answered('copies', 'not-copies', 'ab')]), { groups: ['abc'], left: 1 }, 'c joins both')
  const parted = [answered('copies', 'not-copies', 'ab'), answered('copies', 'dismissed', 'ac')]
  assert.deepEqual(groupsOf(parted), { groups: ['bc'], left: 2 })
  assert.deepEqual(groupsOf(parted, ['not-copies']), { groups: ['abc'], left: 1 }, 'dismissed copies are copies')
})

test('only files that decisions concern are compared with each other, however often a file is stored', () => {
  const count = 1_000
  const many = {
    ids: Array.from({ length: count }, (_, i) => `p${i}`),
    labels: Array.from({ length: count }, () => null),
    contentHashes: Array.from({ length: count }, () => 'same'),
  }
  const decided = ['p1', 'p7', 'p9'].map((id) => ({ id, contentHash: 'same', label: null }))
  for (const [answers, most] of [
    [[], 0],
    [[{ kind: 'copies' as const, decision: 'not-copies', images: decided }], 3],
  ] as const) {
    const apart = new Settled(many, answers).apart(['not-copies'])
    let asked = 0
    const areApart = (a: number, b: number) => {
      asked++
      return apart.areApart(a, b)
    }
    const groups = CopyGroups.ofContent(many.contentHashes, { ...apart, areApart })
    assert.deepEqual(
      groups.list().map(({ length }) => length),
      [count],
    )
    assert.ok(many.ids.every((_, position) => groups.score(position) === 1))
    assert.ok(asked <= most, `${asked} comparisons`)
  }
})

test('a decision does not apply to a different image with the same id', () => {
  const changed = { contentHash: 'before' }
  assert.deepEqual(groupsOf([answered('copies', 'not-copies', 'abc', changed)]), { groups: ['abc'], left: 0 })
  assert.equal(new Settled(images, [answered('label', 'keep-label', 'a', changed)]).hasLabel(0), false)
})

test('a label is settled as long as it is the one decided on', () => {
  const settled = new Settled(images, [
    answered('label', 'keep-label', 'ad'),
    answered('label', 'dismissed', 'b', { label: 'z' }),
  ])
  assert.deepEqual(
    ids.map((_, position) => settled.hasLabel(position)),
    [true, false, false, true],
  )
})

test('a conflict of more copies than a report lists can be decided on, report by report', () => {
  const many = {
    ids: Array.from({ length: 120 }, (_, i) => `p${String(i).padStart(3, '0')}`),
    labels: Array.from({ length: 120 }, (_, i) => (i < 100 ? 'x' : 'y')),
    contentHashes: Array.from({ length: 120 }, () => 'same'),
  }
  const groups = CopyGroups.ofContent(many.contentHashes)
  const answers: Answered[] = []
  const report = () => findLabelConflicts(many, groups, 10, new Settled(many, answers))
  let reports = 0
  for (let { groups: found } = report(); found.length > 0 && reports < 9; { groups: found } = report(), reports++)
    answers.push({ kind: 'label', decision: 'keep-label', images: found[0]!.images })
  assert.deepEqual([reports, report().dismissed], [3, 1])
})

test('copies with two labels are no longer a conflict once each label has been decided on', () => {
  const groups = CopyGroups.ofContent(contentHashes)
  const conflicts = (about: string) =>
    findLabelConflicts(images, groups, 10, new Settled(images, [answered('label', 'keep-label', about)]))
  assert.deepEqual([conflicts('ab').count, conflicts('ab').dismissed], [1, 0])
  assert.deepEqual([conflicts('abc').count, conflicts('abc').dismissed], [0, 1])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { votedLabel } from '../../src/eval/judged-query.js'
import { seededRandom } from '../../src/eval/random.js'
import { voteOnLabel } from '../../src/ranking/vote.js'

const voters = (...labels: (string | null)[]) => labels.map((label, i) => ({ label, score: 0.9 - i / 100 }))

test('the majority wins, and the margin says by how much', () => {
  const vote = voteOnLabel(voters('a', 'b', 'b', 'b', 'c'))
  assert.deepEqual(
    {
      ...vote,
      margin: vote.margin.toFixed(3),
      labels: vote.labels.map(({ label, votes, bestScore }) => [label, votes, bestScore]),
    },
    {
      voters: 5,
      label: 'b',
      margin: '0.400',
      labels: [
        ['b', 3, 0.89],
        ['a', 1, 0.9],
        ['c', 1, 0.86],
      ],
    },
  )
  assert.equal('match' in vote, false)
})

test('a tie goes to the nearest, and pictures without a label do not vote', () => {
  assert.equal(voteOnLabel(voters('a', 'b', 'b', 'a')).label, 'a')
  const vote = voteOnLabel(voters(null, 'b', null))
  assert.deepEqual([vote.label, vote.voters, vote.margin], ['b', 1, 1])
})

test('the vote is that of k-NN accuracy, with and without unlabelled pictures', () => {
  const random = seededRandom(3)
  for (let round = 0; round < 500; round++) {
    const labels = Array.from(
      { length: Math.floor(random() * 11) },
      () => ['a', 'b', 'c', null][Math.floor(random() * 4)]!,
    )
    assert.equal(votedLabel(labels), voteOnLabel(voters(...labels)).label, JSON.stringify(labels))
  }
})

test('a best hit below the threshold is not a match, whatever the votes', () => {
  assert.deepEqual(
    [0.9, 0.91].map((threshold) => voteOnLabel(voters('a', 'a'), threshold)).map(({ match, label }) => [match, label]),
    [
      [true, 'a'],
      [false, null],
    ],
  )
  const nobody = voteOnLabel([], 0.5)
  assert.deepEqual(nobody, { voters: 0, label: null, margin: 0, labels: [], match: false })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectSameRun } from '../../src/train/run-differences.js'
import { fingerprintOf } from '../../src/train/settings.js'
import { tinySettings } from '../support/tiny-model.js'

const settings = tinySettings('somewhere')
const fingerprint = (changes: Partial<typeof settings> = {}, labels = ['a', 'b'], data = 'one') =>
  fingerprintOf({ ...settings, ...changes }, labels, data)

const differing: [given: string, says: string][] = [
  [fingerprint({ seed: 9, averageDecay: 0.5 }), `--seed (was ${settings.seed}, is 9); averageDecay (was 0.8, is 0.5)`],
  [fingerprint({ batch: { ...settings.batch, samples: 9 } }), `--samples (was ${settings.batch.samples}, is 9)`],
  [
    fingerprint({ preprocessing: { ...settings.preprocessing, fit: 'squash' } }),
    `--fit (was ${settings.preprocessing.fit}, is squash)`,
  ],

  [fingerprint({}, ['a', 'c'], 'two'), 'the data (pictures, labels, split or feedback)'],
]
for (const [given, says] of differing)
  test(`a run that is continued differently is refused with what differs: ${says}`, () =>
    assert.throws(
      () => expectSameRun(fingerprint(), given),
      (error: Error & { code: string }) => error.code === 'run_differs' && error.message.includes(`: ${says}`),
    ))

test('starting weights come before the settings that only runs from them have', () => {
  const tuned = JSON.stringify({
    seed: 1,
    views: 2,
    head: { scale: 8 },
    labels: ['a', 'b'],
    data: 'one',
    weightsSha256: 'ab',
  })
  assert.throws(() => expectSameRun(tuned, fingerprint()), {
    message: /differ: the starting weights; --views \(was 2, is not set/,
  })
})

test('a long list of differences is shortened', () =>
  assert.throws(() => expectSameRun(fingerprint(), '{}'), { message: /(; [^;]*){4} and \d+ more\. Resume/ }))

test('a run may be continued with more epochs and other folders', () =>
  expectSameRun(fingerprint(), fingerprint({ epochs: 99, teacherViews: 3, data: 'elsewhere', work: 'elsewhere' })))

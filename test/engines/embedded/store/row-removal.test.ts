import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RowRemoval } from '../../../../src/engines/embedded/store/writing/row-removal.js'
import { until } from '../../../support/until.js'

test('a removal that keeps failing is reported at first and then once an hour, also between others, and goes on when it can', async (t) => {
  const minutes = [0, 1, 59, 60, 61, 120]
  const reported: unknown[] = []
  let [failed, left, others] = [0, 2, false]
  const removal = new RowRemoval({
    async step() {
      others = !others
      if (others) return true
      if (failed < minutes.length) throw new Error(`after ${minutes[failed++]} minutes`)
      return --left > 0
    },
    onFailure: (error) => reported.push((error as Error).message),
    pauseMs: 0,
    now: () => minutes[failed - 1]! * 60_000,
  })
  t.after(() => removal.close())
  removal.start()
  await until(() => left === 0, 'nothing is left')
  assert.deepEqual(reported, ['after 0 minutes', 'after 60 minutes', 'after 120 minutes'])
})

test('what is asked for during the last step is removed too', async (t) => {
  let steps = 0
  const removal = new RowRemoval({
    async step() {
      if (++steps === 1) removal.start()
      return false
    },
    onFailure: assert.fail,
  })
  t.after(() => removal.close())
  removal.start()
  await until(() => steps === 2, 'there is a second step')
})

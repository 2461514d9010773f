/** kill -9 at the most important points of a change of model; all of them are in `test/long/kill-of-switch.long.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KillPoint } from '../support/doomed-service.js'
import { expectedEmbeddings, killAt, type SwitchToKill, switchToKill } from '../support/killed-switch.js'

const points: readonly KillPoint[] = [
  'after a group of the job is stored',
  'before the set serves',
  'after the set serves',
  'between a write to one set and to the other',
]

test('a change of model survives a kill', async (t) => {
  const prepared: SwitchToKill = await switchToKill(t)
  for (const point of points)
    await t.test(point, async (inner) => {
      const { embedded } = await killAt(inner, point, prepared)
      assert.ok(embedded <= expectedEmbeddings(point), `${embedded} pictures were embedded`)
    })
})

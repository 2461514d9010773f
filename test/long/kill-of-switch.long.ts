/**
 * kill -9 at every point of a change of model, and twenty times in between. `SWITCH_KILLS` sets how often in between,
 * `LONG_SEED` at which moments.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KillPoint, killPoints } from '../support/doomed-service.js'
import { killChanges } from '../support/killed-changes.js'
import { expectedEmbeddings, killAt, pictures, switchToKill } from '../support/killed-switch.js'
import { recordResult, setting } from '../support/long-report.js'

const kills = setting('SWITCH_KILLS', 20)
const seed = setting('LONG_SEED', 20_261_126)

test('a change of model survives a kill at each of its steps, and in between', async (t) => {
  const prepared = await switchToKill(t)
  const rows: [KillPoint, number, number, number][] = []
  for (const point of killPoints)
    await t.test(point, async (inner) => {
      const { embedded, startMs } = await killAt(inner, point, prepared)
      assert.ok(embedded <= expectedEmbeddings(point), `${embedded} pictures were embedded`)
      rows.push([point, embedded, expectedEmbeddings(point), Math.round(startMs)])
    })
  const random = await killChanges(t, { rounds: kills, seed })
  await recordResult('kill of switch', {
    question:
      'Is a change of model intact after a kill -9 at each of its steps: nothing lost, half switched or embedded twice?',
    facts: {
      pictures,
      'kills in between': kills,
      seed,
      'of which during a job': random.killed.filter((stages) => stages.includes('job')).length,
      builds: random.builds,
      exchanges: random.exchanges,
      'pictures at the end': random.stored,
      'ids deleted': random.removed,
      'lost, resurrected or half switched': 0,
    },
    table: { head: ['killed', 'embedded by both processes', 'maximum', 'next start, ms'], rows },
  })
})

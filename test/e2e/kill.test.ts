/** A few kills in every test run; `test/long/kill.long.ts` does the same hundreds of times. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runKills } from '../support/run-kills.js'

const kills = 6

test(`nothing acknowledged is lost, and nothing deleted comes back, in ${kills} kills`, async (t) => {
  const { images, jobs, givenUp, slowestStartMs, hit } = await runKills(t, { kills, seed: 20_260_301 })
  t.diagnostic(
    `${images.stored} pictures stored, ${images.deleted} deleted, ${jobs} jobs with ${givenUp} pictures given up; ${JSON.stringify(hit)}; slowest start ${Math.round(slowestStartMs)} ms`,
  )
  assert.ok(images.stored > 50)
})

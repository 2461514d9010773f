/** kill -9 at random moments of changes of model; more of them are in `test/long/kill-of-switch.long.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killChanges } from '../support/killed-changes.js'

const rounds = 4

test(`over ${rounds} kills no acknowledged picture is lost in either set, and one of them serves`, async (t) => {
  const seed = Date.now()
  t.diagnostic(`seed ${seed}`)
  const { builds, exchanges, killed } = await killChanges(t, { rounds, seed })
  t.diagnostic(`${builds} builds, ${exchanges} exchanges; killed at: ${killed.join('; ')}`)
  assert.ok(exchanges > 0)
})

/**
 * Random sequences of calls, as in the contract tests of both engines, for some minutes. `SEQUENCE_MINUTES` sets how long for
 * each kind and engine, `LONG_SEED` with which sequence they begin.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { embedded } from '../engines/embedded/tested-embedded.js'
import { weaviate } from '../engines/weaviate/tested-weaviate.js'
import { runGraphSequences } from '../gallery/graph-sequences-suite.js'
import { runInterleavedCalls, runKilledCalls } from '../gallery/interleaved-calls-suite.js'
import { runRandomSequences } from '../gallery/random-sequences-suite.js'
import type { SequenceRuns } from '../gallery/sequences/sequence-runs.js'
import { runMoveSequences, runSetSequences } from '../gallery/set-sequences-suite.js'
import type { TestedEngine } from '../gallery/tested-engine.js'
import { recordResult, setting } from '../support/long-report.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'

const minutes = setting('SEQUENCE_MINUTES', 5)
/** Other sequences at each run: a failure says with which seed it repeats. */
const firstSeed = setting('LONG_SEED', Math.floor(Date.now() / 1_000))
/** Of one seed, on galleries that are opened once. */
const sequences = 20
const stepsMax = 60

type Run = (t: TestContext, engine: TestedEngine, runs: SequenceRuns) => Promise<number>
const kinds: Record<string, Run> = {
  'calls one after the other, and kills': runRandomSequences,
  'calls while sets change, and kills': runSetSequences,
  'calls while galleries move': runMoveSequences,
  'a graph under deletions': runGraphSequences,
  'calls of several actors': runInterleavedCalls,
  'kills amid them': runKilledCalls,
}
const engines = skipWithoutWeaviate ? [embedded] : [embedded, weaviate]

test(`random sequences of calls, ${minutes} minutes of each kind`, async (t) => {
  const rows: (string | number)[][] = []
  for (const engine of engines)
    for (const [kind, run] of Object.entries(kinds)) {
      if (run === runKilledCalls && engine.placeAfterKill === undefined) continue
      if (run === runMoveSequences && engine === embedded) continue // there is no other engine
      rows.push([
        engine.name,
        kind,
        await runFor(t, minutes * 60_000, (each, seed) => run(each, engine, { sequences, stepsMax, seed })),
      ])
    }
  await recordResult('sequences', {
    question: 'Are answers to random calls those of plain loops over plain records?',
    facts: { 'first seed': firstSeed, 'steps at most': stepsMax, 'minutes of each': minutes, differences: 0 },
    table: { head: ['engine', 'sequences of', 'number'], rows },
  })
})

/** @returns number of sequences */
async function runFor(
  t: TestContext,
  ms: number,
  run: (t: TestContext, seed: number) => Promise<number>,
): Promise<number> {
  const end = performance.now() + ms
  let count = 0
  for (let seed = firstSeed; performance.now() < end; seed++) {
    const before = count
    await t.test(`seed ${seed}`, async (each) => {
      count += await run(each, seed)
    })
    assert.ok(count > before, `there is a difference with seed ${seed}`)
  }
  return count
}

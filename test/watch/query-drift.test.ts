import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ScoreCalibration } from '../../src/eval/score-calibration.js'
import { QueryDrift, type QueryDriftOptions } from '../../src/watch/query-drift.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

const calibration = {
  curve: { kind: 'isotonic', scores: [0, 1], probabilities: [0, 1] },
  reliability: [
    { stated: 0.1, found: 0.1, pairs: 900 },
    { stated: 0.9, found: 0.9, pairs: 100 },
  ],
} as unknown as ScoreCalibration

async function opened(dataDir: string, more: Partial<QueryDriftOptions> = {}) {
  const bests: [number, number | undefined][] = []
  const drift = await QueryDrift.open({
    dataDir,
    modelId: 'one',
    calibration,
    queries: 40,
    onBest: (...best) => bests.push(best),
    logger: { warn: () => undefined },
    ...more,
  })
  return { drift, bests, ask: (score: number) => Array.from({ length: 40 }, () => drift.observe(score)) }
}

test('queries like the first ones show no drift; others do, and it shows where', async (t) => {
  const { drift, bests, ask } = await opened(await temporaryFolder(t))
  assert.deepEqual(drift.readings(), [], 'nothing is reported about too few')
  ask(0.82)
  assert.deepEqual(bests[0], [0.82, 0.82])
  const psi = () => Object.fromEntries(drift.readings().map(({ of, reference, psi }) => [`${of} ${reference}`, psi]))
  assert.equal(psi()['score baseline'], 0)
  assert.equal(psi()['p_same baseline'], 0)
  ask(0.31)
  assert.ok(psi()['score baseline']! > 0.25 && psi()['p_same baseline']! > 0.25)
  assert.ok(psi()['p_same calibration']! > 0.25)
  assert.equal(drift.expectedPSame, (0.1 * 90 + 0.9 * 90) / 180)
})

test('the baseline survives a restart, but not a change of model', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await opened(folder)
  first.ask(0.82)
  const again = async (more: Partial<QueryDriftOptions> = {}) => {
    const { drift, ask } = await opened(folder, more)
    ask(0.31)
    return drift.readings()[0]!.psi
  }
  const file = join(folder, 'query-baseline.json')
  await until(() => existsSync(file), 'the baseline')
  assert.ok((await again()) > 0.25)
  assert.ok((await again()) > 0.25)
  assert.equal(await again({ modelId: 'another' }), 0)
  await until(() => readFileSync(file, 'utf8').includes('another'), 'the other baseline')
  await writeFile(file, '{"modelId":"one","score":[1],"pSame":null,"count":40}')
  assert.equal(await again(), 0, 'a damaged one is rebuilt')
})

test('a model without calibration is watched by its scores', async (t) => {
  const { drift, bests, ask } = await opened(await temporaryFolder(t), { calibration: undefined })
  ask(0.5)
  assert.deepEqual(bests[0], [0.5, undefined])
  assert.deepEqual(
    drift.readings().map(({ of, reference }) => [of, reference]),
    [['score', 'baseline']],
  )
  assert.equal(drift.expectedPSame, undefined)
})

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ModelDrift } from '../../src/watch/model-drift.js'
import { QueryDrift } from '../../src/watch/query-drift.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

const queries = 40

test('each model has its own baseline and window; of many models, the most recently used are kept', async (t) => {
  const dataDir = await temporaryFolder(t)
  const bests: string[] = []
  const open = (modelId: string) =>
    QueryDrift.open({
      dataDir,
      modelId,
      queries,
      file: modelId === 'standard' ? undefined : `query-baseline-${modelId}.json`,
      onBest: () => void bests.push(modelId),
      logger: { warn: () => undefined },
    })
  const drift = new ModelDrift({ standard: await open('standard'), open, othersMax: 2 })
  const ask = (modelId: string, score: number) => {
    for (let n = 0; n < queries; n++) drift.observe(modelId, score)
  }
  const psi = () => Object.fromEntries(drift.readings().map((reading) => [reading.modelId, reading.psi]))
  ask('standard', 0.8)
  ask('a', 0.8)
  await until(() => 'a' in psi())
  assert.deepEqual(psi(), { standard: 0, a: 0 })
  assert.equal(bests.filter((modelId) => modelId === 'a').length, queries)
  await until(() => existsSync(join(dataDir, 'query-baseline-a.json')))

  ask('a', 0.3)
  await until(() => psi().a! > 0.25)
  assert.equal(psi().standard, 0, 'what moved is reported for the model that moved')

  ask('b', 0.8)
  await until(() => 'b' in psi())
  await until(() => existsSync(join(dataDir, 'query-baseline-b.json')))
  ask('a', 0.3)
  ask('c', 0.8)
  await until(() => 'c' in psi())
  assert.deepEqual(Object.keys(psi()).toSorted(), ['a', 'c', 'standard'])
  ask('b', 0.3)
  await until(() => psi().b! > 0.25, 'the baseline of a model that comes back')
})

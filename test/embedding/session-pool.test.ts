import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { Session } from '../../src/embedding/session.js'
import { SessionPool } from '../../src/embedding/session-pool.js'
import type { SessionSettings } from '../../src/embedding/worker-protocol.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { until } from '../support/until.js'

test('two devices have separate sets of workers: each is filled, given work in turn, and refilled after losses', async (t) => {
  const { folder } = await handmadeModel(t)
  // They differ by the number of the GPU, which the CPU that runs them here ignores.
  const devices: SessionSettings[] = [0, 1].map((deviceId) => ({
    modelPath: join(folder, 'model.onnx'),
    provider: 'cpu',
    inputSize: 8,
    batchSizes: [1, 2],
    sessionPerBatchSize: true,
    deviceId,
  }))
  const workers: Worker[] = []
  const notice = (worker: Worker) => void workers.push(worker)
  process.on('worker', notice)
  t.after(() => process.off('worker', notice))
  const first = await Promise.all(devices.map(async (settings) => (await Session.open(settings)).session))
  let reopened: () => void = () => {}
  const pool = new SessionPool(
    {
      settings: devices,
      count: 4,
      onChange: () => reopened(),
      onCrash: () => {},
      onOpenFailed: (error) => {
        throw error
      },
    },
    first,
  )
  t.after(() => pool.close())
  await pool.fill()
  assert.equal(pool.live, 4)

  const takeAll = () => Array.from({ length: 4 }, () => pool.takeIdle()!)
  const taken = takeAll()
  assert.equal(pool.takeIdle(), undefined)
  assert.equal(
    taken[0]!.settings.deviceId !== taken[1]!.settings.deviceId,
    true,
    'the second batch goes to the other GPU',
  )
  assert.deepEqual(taken.map(({ settings }) => settings.deviceId).sort(), [0, 0, 1, 1])
  for (const session of taken) pool.giveBack(session, true)

  const back = new Promise<void>((resolve) => {
    reopened = resolve
  })
  const ended = new Promise((resolve) => workers[1]!.once('exit', resolve))
  workers[1]!.postMessage(null) // the thread throws and exits
  await ended
  assert.equal(pool.live, 3)
  await back
  assert.deepEqual(
    takeAll()
      .map(({ settings }) => settings.deviceId)
      .sort(),
    [0, 0, 1, 1],
  )
})

test('a session whose runs keep failing is replaced, as one that died; a run that succeeds forgives', async (t) => {
  const { folder } = await handmadeModel(t)
  const settings: SessionSettings = {
    modelPath: join(folder, 'model.onnx'),
    provider: 'cpu',
    inputSize: 8,
    batchSizes: [1],
  }
  const { session } = await Session.open(settings)
  let crashes = 0
  const pool = new SessionPool(
    {
      settings: [settings],
      count: 1,
      onChange: () => {},
      onCrash: () => crashes++,
      onOpenFailed: (error) => {
        throw error
      },
    },
    [session],
  )
  t.after(() => pool.close())
  const given = (succeeded: boolean) => {
    assert.equal(pool.takeIdle(), session)
    pool.giveBack(session, succeeded)
  }
  for (const succeeded of [false, false, true, false, false, false]) given(succeeded)
  assert.deepEqual([pool.takeIdle(), pool.live], [undefined, 0], 'it is not ready meanwhile')
  await until(() => pool.live === 1, 'a new session')
  assert.notEqual(pool.takeIdle(), session)
  assert.equal(crashes, 1)
})

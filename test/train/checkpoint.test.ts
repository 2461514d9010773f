import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../src/train/backend.js'
import {
  afterEpoch,
  type EpochRecord,
  loadCheckpoint,
  type RunState,
  saveCheckpoint,
} from '../../src/train/checkpoint.js'
import { RunFiles } from '../../src/train/run-files.js'
import { readTensors, writeTensors } from '../../src/train/safetensors.js'

before(() => chooseBackend('cpu'))

const state: RunState = {
  epoch: 3,
  batch: 7,
  optimizerStep: 61,
  teachers: [],
  best: { epoch: 2, score: 0.25 },
  history: [],
  secondsSpent: 12.5,
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'alike-checkpoint-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

test('a checkpoint restores every bit of its variables and the position in the run', async (t) => {
  const path = join(await temporaryFolder(t), 'a.safetensors')
  const values = [1 / 3, -0, 1e-40, 3.4e38]
  const kept = tf.variable(tf.tensor2d(values, [2, 2]))
  await saveCheckpoint(path, { groups: { weights: [kept, tf.variable(tf.scalar(5))] }, state, fingerprint: 'same' })
  const [matrix, scalar] = [tf.variable(tf.zeros([2, 2])), tf.variable(tf.scalar(0))]
  assert.deepEqual(await loadCheckpoint(path, { weights: [matrix, scalar] }, 'same'), state)
  assert.deepEqual(new Uint32Array(matrix.dataSync().slice().buffer), new Uint32Array(Float32Array.from(values).buffer))
  assert.equal(scalar.dataSync()[0], 5)
})

test('values that are not finite do not replace those of a checkpoint', async (t) => {
  const path = join(await temporaryFolder(t), 'a.safetensors')
  const variable = tf.variable(tf.tensor1d([1, 2]))
  await saveCheckpoint(path, { groups: { weights: [variable] }, state, fingerprint: '{}' })
  const before = await readFile(path)
  for (const value of [NaN, Infinity]) {
    variable.assign(tf.tensor1d([1, value]))
    await assert.rejects(saveCheckpoint(path, { groups: { weights: [variable] }, state, fingerprint: '{}' }), {
      code: 'training_diverged',
    })
  }
  assert.deepEqual(await readFile(path), before)
})

test('the best epoch is chosen by mAP@10, where it is unknown by accuracy, and never among epochs that were not evaluated', () => {
  const bestOf = (...vals: EpochRecord['val'][]) =>
    vals
      .map((val, epoch): EpochRecord => ({ epoch, side: 32, loss: 1, picturesPerSecond: 1, seconds: 2, val }))
      .reduce(afterEpoch, { ...state, epoch: 0, best: null })
  const { best, epoch, batch, secondsSpent, history } = bestOf(
    { mAP10: 0.4, accuracy: 0.9 },
    { mAP10: 0.5, accuracy: 0.8 },
    null,
    { mAP10: 0.5, accuracy: 0.7 },
    { mAP10: 0.3, accuracy: 0.9 },
  )
  assert.deepEqual([best, epoch, batch, secondsSpent], [{ epoch: 3, score: 0.5 }, 5, 0, 22.5])
  assert.equal(history.length, 5)
  const unknown = [0.2, 0.6, 0.3].map((accuracy) => ({ mAP10: null, accuracy }))
  assert.deepEqual(bestOf(...unknown).best, { epoch: 1, score: 0.6 })
  assert.equal(bestOf(null).best, null)
})

test('a checkpoint of another run, or of another network, is refused', async (t) => {
  const path = join(await temporaryFolder(t), 'a.safetensors')
  const [one, two] = ['{"seed":1}', '{"seed":2}']
  await saveCheckpoint(path, { groups: { weights: [tf.variable(tf.zeros([2]))] }, state, fingerprint: one })
  const refusals: [group: string, size: number, fingerprint: string, code: string, says: RegExp][] = [
    ['weights', 2, two, 'run_differs', /--seed \(was 1, is 2\)/],
    ['weights', 3, one, 'run_unreadable', /shape \[3\]/],
    ['other', 2, one, 'run_unreadable', /other\.0/],
  ]
  for (const [group, size, fingerprint, code, message] of refusals)
    await assert.rejects(loadCheckpoint(path, { [group]: [tf.variable(tf.zeros([size]))] }, fingerprint), {
      code,
      message,
    })
})

test('a checkpoint that is missing or incomplete is named', async (t) => {
  const path = join(await temporaryFolder(t), 'a.safetensors')
  const groups = { weights: [tf.variable(tf.zeros([200]))] }
  await assert.rejects(loadCheckpoint(path, groups, '{}'), { code: 'run_not_found', message: /a\.safetensors/ })
  await saveCheckpoint(path, { groups, state, fingerprint: '{}' })
  const bytes = await readFile(path)
  for (const length of [bytes.length - 4, 20, 3, 0]) {
    await writeFile(path, bytes.subarray(0, length))
    await assert.rejects(loadCheckpoint(path, groups, '{}'), { code: 'run_unreadable', message: /a\.safetensors/ })
  }
})

test('of two writers of one file neither fails, and the file is that of one of them', async (t) => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'a.safetensors')
  const write = (value: number) =>
    writeTensors(path, { tensors: [{ name: 'a', shape: [9], values: new Float32Array(9).fill(value) }], metadata: {} })
  await Promise.all([1, 2, 3, 4].map(write))
  const [tensor] = (await readTensors(path)).tensors
  assert.equal(new Set(tensor!.values).size, 1)
  assert.deepEqual(await readdir(folder), ['a.safetensors'])
})

test('of two runs that save at the same moment one is refused from then on', async (t) => {
  const work = await temporaryFolder(t)
  const settings = { work, name: 'twins', resume: true, exportOnly: false }
  const runs = [await RunFiles.open(settings, '{}', () => {}), await RunFiles.open(settings, '{}', () => {})]
  const groups = { weights: [tf.variable(tf.zeros([5]))] }
  const save = () => Promise.allSettled(runs.map((run) => run.save(groups, state)))
  await save()
  const again = await save()
  assert.deepEqual(again.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})

test('of two runs one goes on, although it saved while the other was still writing', async (t) => {
  const settings = { work: await temporaryFolder(t), name: 'twins', resume: true, exportOnly: false }
  const fast = await RunFiles.open(settings, '{}', () => {})
  const slow = await RunFiles.open(settings, '{}', () => {})
  const own = tf.variable(tf.ones([5]))
  const late = tf.variable(tf.zeros([5]))
  let write: () => void = () => {}
  const values = new Promise<Float32Array>((resolve) => (write = () => resolve(new Float32Array(5))))
  t.mock.method(late, 'data', () => values)
  const saving = slow.saveBest([late], state)
  await fast.saveBest([own], state)
  await fast.save({ average: [own] }, state)
  write()
  await assert.rejects(saving, { code: 'run_exists' })
  await fast.save({ average: [own] }, state)
  const best = tf.variable(tf.zeros([5]))
  await fast.loadBest([best])
  assert.deepEqual(best.dataSync(), own.dataSync())
  assert.deepEqual((await readdir(join(settings.work, 'twins'))).sort(), ['best.safetensors', 'checkpoint.safetensors'])
})

test('what is exported has the weights of the best epoch and the state after the last, also of a run that was killed between its files', async (t) => {
  const settings = { work: await temporaryFolder(t), name: 'mine', resume: false, exportOnly: false }
  const files = await RunFiles.open(settings, '{}', () => {})
  const average = tf.variable(tf.zeros([2]))
  await assert.rejects(files.loadFinished([average]), { code: 'run_not_found', message: /best\.safetensors/ })
  const after = (epoch: number, best: number): RunState => ({ ...state, epoch, best: { epoch: best, score: 1 } })
  const saveBest = (epoch: number) => files.saveBest([tf.variable(tf.fill([2], epoch))], after(epoch, epoch - 1))
  const found = async () => {
    const { epoch, best } = await files.loadFinished([average])
    return [epoch, best.epoch, average.dataSync()[0]]
  }
  await saveBest(1)
  assert.deepEqual(await found(), [1, 0, 1], 'killed before its first checkpoint')
  await files.save({ weights: [average] }, after(3, 0))
  assert.deepEqual(await found(), [3, 0, 1])
  await saveBest(4)
  assert.deepEqual(await found(), [4, 3, 4], 'killed before the checkpoint of that epoch')
})

test('a run removes what killed ones have left unfinished', async (t) => {
  const work = await temporaryFolder(t)
  const { pid } = spawnSync(process.execPath, ['-e', '']) // has ended
  await mkdir(join(work, 'mine'))
  const [left, kept] = [pid, process.ppid].map((of) => `best.safetensors.part-${hostname()}@${of}-3`) as [
    string,
    string,
  ]
  for (const name of [left, kept]) await writeFile(join(work, 'mine', name), '')
  await RunFiles.open({ work, name: 'mine', resume: false, exportOnly: false }, '{}', () => {})
  assert.deepEqual(await readdir(join(work, 'mine')), [kept])
})

test('tensor files have the safetensors layout and leave nothing else behind', async (t) => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'a.safetensors')
  const tensors = [
    { name: 'first', shape: [2, 1], values: Float32Array.of(1.5, -2) },
    { name: 'empty', shape: [0], values: new Float32Array() },
    { name: 'last', shape: [], values: Float32Array.of(9) },
  ]
  await writeTensors(path, { tensors, metadata: { note: 'é' } })
  const bytes = await readFile(path)
  const headerBytes = Number(bytes.readBigUInt64LE(0))
  assert.equal(headerBytes % 8, 0)
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<string, unknown>
  assert.deepEqual(header['last'], { dtype: 'F32', shape: [], data_offsets: [8, 12] })
  assert.deepEqual(await readTensors(path), { tensors, metadata: { note: 'é' } })
  assert.deepEqual(await readdir(folder), ['a.safetensors'])
})

test('a checkpoint that does not fit on the disk fails, and the previous one stays', async (t) => {
  const path = join(await temporaryFolder(t), 'a.safetensors')
  const tensors = [{ name: 'kept', shape: [1], values: Float32Array.of(7) }]
  await writeTensors(path, { tensors, metadata: {} })
  const before = await readFile(path)
  const script = `
    const { writeTensors } = await import(${JSON.stringify(new URL('../../src/train/safetensors.js', import.meta.url).href)})
    const tensors = [{ name: 'large', shape: [1e5], values: new Float32Array(1e5) }]
    await writeTensors(${JSON.stringify(path)}, { tensors, metadata: {} })`
  // a maximum file size ends a write in the middle, as a full disk does
  const limited = ['-c', 'ulimit -f 8 && exec "$0" --input-type=module -e "$1"', process.execPath, script]
  await assert.rejects(promisify(execFile)('sh', limited), /EFBIG/)
  assert.deepEqual(await readFile(path), before)
  assert.deepEqual(await readdir(dirname(path)), ['a.safetensors'])
})

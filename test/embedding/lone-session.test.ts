import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoneChoice, type MeasuredSession, openLone } from '../../src/embedding/lone-session.js'
import type { SessionSettings } from '../../src/embedding/worker-protocol.js'

interface Scripted extends MeasuredSession {
  closed: boolean
}

/** Sessions whose runs take the stated times on a clock of their own, the last time from then on. */
function scripted(msOf: Record<number, readonly number[]>, embeddingOf: (threads: number) => number[] = () => [1, 2]) {
  let clock = 0
  const opened: Scripted[] = []
  const open = (settings: SessionSettings): Promise<Scripted> => {
    const { threads = 1 } = settings
    const left = [...msOf[threads]!]
    const session: Scripted = {
      settings,
      closed: false,
      run: async () => {
        clock += left.length > 1 ? left.shift()! : left[0]!
        return { embeddings: Float32Array.from(embeddingOf(threads)), logits: new Float32Array() }
      },
      close: async () => {
        session.closed = true
      },
    }
    opened.push(session)
    return Promise.resolve(session)
  }
  return { open, opened, now: () => clock }
}

const base: SessionSettings = { modelPath: 'model.onnx', provider: 'cpu', inputSize: 4, batchSizes: [1] }
const candidates = [2, 4, 8].map((threads) => ({ ...base, threads }))

test('the session with the most threads that still saves time is kept, and no other stays open', async () => {
  const { open, opened, now } = scripted({ 1: [10], 2: [6], 4: [4], 8: [3.9] })
  const lone = await openLone(candidates, open, await open(base), now)
  assert.equal(lone?.session.settings.threads, 4)
  assert.equal(lone.ms.worker, 10)
  assert.equal(+lone.ms.threads.toFixed(6), 4)
  assert.deepEqual(
    opened.map(({ closed }) => closed),
    [false, true, false, true],
    'the worker and the chosen one are open',
  )
})

test('a run disturbed by something else does not decide', async () => {
  const { open, now } = scripted({ 1: [10], 2: [40, 30, 6], 4: [9], 8: [9] })
  const lone = await openLone(candidates, open, await open(base), now)
  assert.equal(lone?.session.settings.threads, 2)
})

test('without a gain, or with another embedding, pictures that are alone are left to the workers', async () => {
  const slow = scripted({ 1: [10], 2: [9.5] })
  assert.equal(await openLone(candidates, slow.open, await slow.open(base), slow.now), undefined)
  assert.deepEqual(
    slow.opened.map(({ closed }) => closed),
    [false, true],
  )
  const other = scripted({ 1: [10], 2: [5] }, (threads) => [1, 2 + (threads - 1) / 1024])
  assert.equal(await openLone(candidates, other.open, await other.open(base), other.now), undefined)
})

test('if a session cannot be opened, or fails, none of them stays open', async () => {
  const unopened = scripted({ 1: [10], 2: [6] })
  const openUpToTwo = (settings: SessionSettings) =>
    settings.threads === 4 ? Promise.reject(new Error('no memory')) : unopened.open(settings)
  const worker = await unopened.open(base)
  await assert.rejects(openLone(candidates, openUpToTwo, worker, unopened.now), { message: 'no memory' })

  const failing = scripted({ 1: [10], 2: [6], 4: [4] }, (threads) => {
    if (threads === 4) throw new Error('no run')
    return [1, 2]
  })
  const other = await failing.open(base)
  await assert.rejects(openLone(candidates, failing.open, other, failing.now), { message: 'no run' })
  for (const { opened } of [unopened, failing])
    assert.deepEqual(
      opened.map(({ closed }) => closed),
      [false, ...Array(opened.length - 1).fill(true)],
      'the worker alone is open',
    )
})

test('the way that was faster lately is chosen, and the other one tried now and then', () => {
  const choice = new LoneChoice({ worker: 10, threads: 6 })
  const chosen = (ms: { worker: number; threads: number }) =>
    Array.from({ length: 16 }, () => {
      const way = choice.choose()
      choice.observe(way, ms[way])
      return way
    })
  assert.deepEqual(chosen({ worker: 10, threads: 6 }), [...Array(15).fill('threads'), 'worker'])
  choice.observe('threads', 90) // one outlier
  assert.equal(chosen({ worker: 10, threads: 6 })[0], 'threads')
  const others = chosen({ worker: 11, threads: 20 })
  assert.equal(others[0], 'threads')
  assert.deepEqual(others.slice(3, 15), Array(12).fill('worker'), 'the cores are needed by something else now')
  assert.equal(others[15], 'threads')
  for (let round = 0; round < 3; round++) chosen({ worker: 11, threads: 6 })
  assert.equal(choice.choose(), 'threads', 'and they are free again')
})

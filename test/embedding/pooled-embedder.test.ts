import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import type { Embedder, EmbedderLogger, EmbedderOptions } from '../../src/embedding/embedder.js'
import type { Model } from '../../src/embedding/model-manifest.js'
import { openEmbedder } from '../../src/embedding/pooled-embedder.js'
import { AlikeError } from '../../src/errors.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { until } from '../support/until.js'

const silent: EmbedderLogger = { info: () => {}, warn: () => {}, error: () => {} }

interface Opened {
  embedder: Embedder
  model: Model
  workers: Worker[]
  metricLines(): Promise<string[]>
}

/** A real embedder over the handmade graph that captures its threads as they are created. */
async function open(t: TestContext, options: Partial<EmbedderOptions> = {}): Promise<Opened> {
  const model = options.model ?? (await handmadeModel(t))
  const metrics = createMetrics()
  const workers: Worker[] = []
  const notice = (worker: Worker) => void workers.push(worker)
  process.on('worker', notice)
  t.after(() => process.off('worker', notice))
  const embedder = await openEmbedder({
    model,
    provider: 'cpu',
    requireCuda: false,
    workers: 1,
    maxBatch: 8,
    maxQueue: 100,
    logger: silent,
    metrics: metrics.embedding,
    ...options,
  })
  t.after(() => embedder.close())
  return { embedder, model, workers, metricLines: async () => (await metrics.expose()).text.split('\n') }
}

/** A picture for the handmade graph: its embedding is the direction of its first six bytes. */
function image(...bytes: number[]): Uint8Array {
  const pixels = new Uint8Array(8 * 8 * 3)
  pixels.set(bytes)
  return pixels
}

const hasCode = (code: string) => (error: unknown) => error instanceof AlikeError && error.code === code

test('a picture becomes a unit vector and logits', async (t) => {
  const { embedder } = await open(t)
  const pixels = image(3, 0, 4)
  const embedding = await embedder.embed(pixels)
  assert.deepEqual(
    [...embedding.vector].map((value) => +value.toFixed(6)),
    [0.6, 0, 0.8, 0, 0, 0],
  )
  assert.deepEqual([...embedding.logits], [3, 0, 4, 0])
  assert.equal(embedding.batchSize, 1)
  assert(embedding.queueMs >= 0 && embedding.embedMs > 0)
  assert.equal(pixels.length, 192, 'the caller keeps the pixels')
})

test('bulk waits for a search about to arrive, and continues once it has; with several searches it never stalls', async (t) => {
  const { embedder } = await open(t, { workers: 2 })
  const arrived = embedder.expectSearch()
  let bulkDone = false
  const bulk = embedder.embed(image(1), { priority: 'bulk' }).then(() => {
    bulkDone = true
  })
  for (let i = 0; i < 3; i++) await embedder.embed(image(2)) // the fifth batch would be bulk anyway
  assert.equal(bulkDone, false)
  arrived()
  await bulk

  const both = [embedder.expectSearch(), embedder.expectSearch()]
  await embedder.embed(image(1), { priority: 'bulk' })
  for (const each of both) each()
})

test('pictures that gather while a worker is busy run together, each with its own result', async (t) => {
  const { embedder, metricLines } = await open(t)
  const images = Array.from({ length: 30 }, (_, i) => image(i + 1, 200 - i))
  const embeddings = await Promise.all(images.map((pixels) => embedder.embed(pixels)))
  embeddings.forEach(({ logits }, i) => assert.deepEqual([...logits], [i + 1, 200 - i, 0, 0]))
  assert.deepEqual([...new Set(embeddings.map((embedding) => embedding.batchSize))], [1, 8, 4])
  assert((await metricLines()).includes('alike_embed_batch_size_sum 30'))
})

test('several workers share the queue', async (t) => {
  const { embedder, workers } = await open(t, { workers: 3 })
  assert.equal(workers.length, 3)
  assert.equal(embedder.liveWorkers, 3)
  const embeddings = await Promise.all(Array.from({ length: 40 }, (_, i) => embedder.embed(image(i + 1))))
  embeddings.forEach(({ logits }, i) => assert.equal(logits[0], i + 1))
})

/** Opens the first session for lone pictures, however fast it is; the `runs` of each thread are counted. */
async function openWithLone(t: TestContext) {
  const opened = await open(t, {
    workers: 2,
    loneThreads: 2,
    openLone: async ([settings], openSession) => ({
      session: await openSession(settings!),
      ms: { worker: Infinity, threads: 0 },
    }),
  })
  const runs = opened.workers.map((worker) => {
    const posted = t.mock.method(worker, 'postMessage')
    return () => posted.mock.calls.filter(({ arguments: [message] }) => message?.name === 'run').length
  })
  return { ...opened, runs: () => runs.map((count) => count()) }
}

test('a picture that is alone runs with several threads; beside another one, or announced, each has a worker', async (t) => {
  const { embedder, workers, runs } = await openWithLone(t)
  assert.equal(workers.length, 3)
  assert.equal(embedder.runtime.loneThreads, 2)
  assert.equal(embedder.liveWorkers, 2)
  const arrived = embedder.expectSearch()
  assert.deepEqual([...(await embedder.embed(image(3, 0, 4))).logits], [3, 0, 4, 0])
  assert.deepEqual(runs(), [0, 0, 1])

  const another = embedder.expectSearch()
  await embedder.embed(image(1))
  assert.equal(runs()[2], 1, 'a second search is on its way')
  arrived()
  another()
  await embedder.embed(image(1), { priority: 'bulk' })
  await Promise.all([image(1), image(2)].map((pixels) => embedder.embed(pixels, { together: 2 })))
  assert.equal(runs()[2], 1)
  await Promise.all([embedder.embed(image(1)), embedder.embed(image(2))])
  assert.equal(runs()[2], 2, 'the first of the two was alone when it came')
})

test('the session for lone pictures is replaced when it dies; meanwhile a worker runs them', async (t) => {
  const { embedder, workers, runs } = await openWithLone(t)
  const ended = new Promise((resolve) => workers[2]!.once('exit', resolve))
  workers[2]!.postMessage(null) // the thread throws and exits
  await ended
  const before = runs()
  assert.deepEqual([...(await embedder.embed(image(5))).logits], [5, 0, 0, 0])
  assert.equal(runs()[2], before[2])
  await until(() => workers.length === 4, 'a new thread')
  await embedder.close()
})

test('no session for lone pictures is opened if it cannot be, and the service does without', async (t) => {
  const warnings: string[] = []
  const { embedder } = await open(t, {
    workers: 2,
    loneThreads: 2,
    logger: { ...silent, warn: (_, message) => void warnings.push(message) },
    openLone: () => Promise.reject(new Error('no memory')),
  })
  assert.deepEqual(warnings, ['pictures that are alone are embedded by a worker, with one thread'])
  assert.equal(embedder.runtime.loneThreads, undefined)
  await Promise.all([image(1), image(2), image(3)].map((pixels) => embedder.embed(pixels)))
})

test('the embedder reports what it runs on', async (t) => {
  const { embedder, model } = await open(t, { maxBatch: 0 })
  assert.equal(embedder.model, model)
  assert.deepEqual(embedder.runtime.batchSizes, [1, 2, 4])
  assert.equal(embedder.runtime.provider, 'cpu')
  assert.equal(embedder.runtime.precision, 'fp32')
  assert.match(embedder.runtime.ortVersion, /^\d+\.\d+\.\d+$/)
})

test('a picture without a unit vector is an error of its own and does not affect its batch', async (t) => {
  const { embedder } = await open(t)
  const results = await Promise.allSettled(
    [image(1), image(2), image(), image(3)].map((pixels) => embedder.embed(pixels)),
  )
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
  assert(results[2]?.status === 'rejected' && hasCode('internal')(results[2].reason))
})

test('pixels of another size are refused before they reach a worker', async (t) => {
  const { embedder } = await open(t)
  await assert.rejects(embedder.embed(new Uint8Array(5)), hasCode('internal'))
  assert.equal((await embedder.embed(image(1))).vector[0], 1)
})

test('a full queue refuses at once and says when to retry', async (t) => {
  const { embedder } = await open(t, { maxQueue: 4 })
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => embedder.embed(image(1))))
  const refused = results.filter((result) => result.status === 'rejected')
  assert.equal(refused.length, 5, 'one runs, four wait, five are refused')
  for (const { reason } of refused) {
    assert(hasCode('overloaded')(reason))
    assert((reason as AlikeError).retryAfterSeconds! >= 1)
  }
  assert.equal((await embedder.embed(image(1))).vector[0], 1, 'and the next one is accepted')
})

test('an aborted request leaves the queue and is not run', async (t) => {
  const { embedder, metricLines } = await open(t, { maxBatch: 1 })
  const leaving = new AbortController()
  const running = embedder.embed(image(1))
  const left = embedder.embed(image(2), { signal: leaving.signal })
  const stays = embedder.embed(image(3))
  assert.equal(embedder.queueDepth, 2)
  leaving.abort()
  assert.equal(embedder.queueDepth, 1)
  await assert.rejects(left, { name: 'AbortError' })
  await Promise.all([running, stays])
  const lines = await metricLines()
  assert(lines.includes('alike_embed_dropped_total 1'))
  assert(lines.includes('alike_embed_batch_size_sum 2'))
  await assert.rejects(embedder.embed(image(1), { signal: AbortSignal.abort() }), { name: 'AbortError' })
})

test('a request aborted during the run is answered at once, and the worker continues', async (t) => {
  const { embedder } = await open(t)
  const leaving = new AbortController()
  const left = embedder.embed(image(1), { signal: leaving.signal })
  leaving.abort()
  await assert.rejects(left, { name: 'AbortError' })
  assert.equal((await embedder.embed(image(0, 7))).vector[1], 1)
})

test('close finishes what was accepted, refuses what comes later, and ends the threads', async (t) => {
  const { embedder, workers } = await open(t, { workers: 2, maxBatch: 1 })
  const exits = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)))
  const accepted = Array.from({ length: 20 }, (_, i) => embedder.embed(image(i + 1)))
  const closed = embedder.close()
  await assert.rejects(embedder.embed(image(1)), hasCode('shutting_down'))
  assert.equal((await Promise.all(accepted)).length, 20)
  await closed
  assert.deepEqual(await Promise.all(exits), [0, 0])
  await embedder.close()
})

test('a worker that dies fails its batch, is replaced, and the waiting pictures are processed', async (t) => {
  const { embedder, workers, metricLines } = await open(t, { maxBatch: 1 })
  workers[0]?.postMessage(null) // the thread throws and exits
  const first = embedder.embed(image(1)) // already given to the dying thread
  const second = embedder.embed(image(2)) // still in the queue
  await assert.rejects(first, hasCode('internal'))
  assert.equal(embedder.liveWorkers, 0)
  assert.deepEqual([...(await second).logits], [2, 0, 0, 0])
  assert.equal(embedder.liveWorkers, 1)
  assert((await metricLines()).includes('alike_embed_worker_crashes_total 1'))
})

test('while no worker can be started, nobody waits; once one can, everything works again', async (t) => {
  const { embedder, workers, model } = await open(t)
  const network = join(model.folder, 'model.onnx')
  await rename(network, `${network}.away`)
  workers[0]?.postMessage(null)
  const waiting = [embedder.embed(image(1)), embedder.embed(image(2))]
  for (const { status } of await Promise.allSettled(waiting)) assert.equal(status, 'rejected')
  await assert.rejects(embedder.embed(image(1)), hasCode('internal'))
  await rename(`${network}.away`, network)
  await until(() => embedder.liveWorkers > 0, 'a new worker')
  assert.equal((await embedder.embed(image(9))).vector[0], 1)
})

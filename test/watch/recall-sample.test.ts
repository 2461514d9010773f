import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { RecallSample } from '../../src/watch/recall-sample.js'
import { startApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { endedJob, sendJob } from '../support/jobs.js'
import { until } from '../support/until.js'

test('graph searches of the running service are repeated exactly, and their recall is in the metrics', async (t) => {
  const app = await startApp(t, { exactBelow: 0, recallSampleEvery: 1 })
  const headers = { 'content-type': 'image/png' }
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const drawn = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => ({
      path: `x/${i}.png`,
      content: await drawImage(drawnLabels[i % 4]!, i, { format: 'png' }),
    })),
  )
  const tar = { 'content-type': 'application/x-tar' }
  await endedJob(app, await sendJob(app, '/v1/galleries/g', tar, await tarOf(drawn)))
  const search = async () => {
    const payload = await drawImage('circle', 3, { format: 'png' })
    return app.call(200, { method: 'POST', url: '/v1/galleries/g/search?k=10&ef=10', headers, payload })
  }
  const counted = async (series: string) => {
    const line = (await app.app.inject('/metrics')).body.split('\n').find((one) => one.startsWith(series))
    return Number(line?.split(' ').at(-1))
  }
  await until(async () => {
    await search()
    return (await counted('alike_recall_samples_total{outcome="compared"}')) > 0
  }, 'a search that is repeated')
  const expected = await counted('alike_recall_sample_hits_total{of="expected"}')
  assert.equal(expected % 10, 0)
  const found = await counted('alike_recall_sample_hits_total{of="found"}')
  assert.ok(found >= 0.5 * expected && found <= expected, `${found} of ${expected}`)
  assert.ok((await counted('alike_query_best_score_count')) >= 1)
})

for (const [title, graph, found] of [
  ['what the graph missed is counted', ['a', 'c', 'x', 'y'], 2],
  ['a hit as good as the last of the best ones counts as found', ['a', 'b', 'c', 'tied'], 4],
] as const) {
  test(`${title}, one search at a time, with long pauses`, async () => {
    const samples: [number, number][] = []
    let asked = 0
    const hits = (...ids: string[]) => ids.map((id, i) => ({ rank: i + 1, score: scores[id]!, record: { id } }))
    const scores: Record<string, number> = { a: 0.9, b: 0.8, c: 0.7, d: 0.6, tied: 0.6, x: 0.5, y: 0.4 }
    const searches = {
      async search(_gallery: string, { exact }: { exact?: boolean }) {
        asked += 1
        await sleep(50) // makes the pause ten seconds, longer than a busy machine takes to look at the first sample
        return exact === true
          ? { method: 'exact', hits: hits('a', 'b', 'c', 'd') }
          : { method: 'hnsw', hits: hits(...graph) }
      },
    }
    const sample = new RecallSample({
      searches: searches as never,
      every: 2,
      onSample: (expected, found) => samples.push([expected, found]),
      onFailure: () => assert.fail('it does not fail'),
    })
    for (let i = 0; i < 20; i++) sample.offer('g', { vector: new Float32Array(2) })
    await until(() => samples.length > 0, 'a sample')
    for (let i = 0; i < 20; i++) sample.offer('g', { vector: new Float32Array(2) })
    assert.deepEqual([samples, asked], [[[4, found]], 2])
  })
}

test('a failed repetition is reported and does no harm', async () => {
  const failures: unknown[] = []
  const searches = { search: async () => Promise.reject(new Error('gone')) }
  const sample = new RecallSample({
    searches: searches as never,
    every: 1,
    onSample: () => assert.fail('nothing was compared'),
    onFailure: (error) => failures.push(error),
  })
  sample.offer('g', { vector: new Float32Array(2) })
  await until(() => failures.length > 0, 'a failure')
})

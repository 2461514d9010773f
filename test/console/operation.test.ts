/** How the console reads /metrics. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { historyMax, linesOf, type Reading, withReading } from '../../src/console/operation/history.js'
import { readMetrics, samplesOf, sumOf } from '../../src/console/operation/metrics-text.js'
import { stageLatencies } from '../../src/console/operation/stage-latencies.js'
import { startApp } from '../support/app.js'

const stage = (counts: [number, number, number], sum: number) => `
# HELP alike_stage_duration_seconds Time.
# TYPE alike_stage_duration_seconds histogram
alike_stage_duration_seconds_bucket{le="0.001",stage="embed"} ${counts[0]}
alike_stage_duration_seconds_bucket{le="0.02",stage="embed"} ${counts[1]}
alike_stage_duration_seconds_bucket{le="+Inf",stage="embed"} ${counts[2]}
alike_stage_duration_seconds_sum{stage="embed"} ${sum}
alike_stage_duration_seconds_count{stage="embed"} ${counts[2]}
`

test('samples are parsed with their labels, whatever these contain', () => {
  const reading = readMetrics('# HELP m Says\n# TYPE m gauge\nm{a="x",b="q\\"u\\\\o{te}"} 1.5e3\nm 2\nbroken\n')
  assert.deepEqual(reading.get('m'), {
    help: 'Says',
    samples: [
      { labels: { a: 'x', b: 'q"u\\o{te}' }, value: 1_500 },
      { labels: {}, value: 2 },
    ],
  })
  assert.equal(sumOf(reading, 'm'), 1_502)
  assert.equal(sumOf(reading, 'm', { a: 'x' }), 1_500)
  assert.equal(sumOf(reading, 'none'), 0)
})

test('the service’s own metrics are parsed, and every metric shown in the console is one of them', async (t) => {
  const { app } = await startApp(t)
  const reading = readMetrics((await app.inject('/metrics')).body)
  assert.equal(samplesOf(reading, 'alike_runtime_info')[0]!.labels['provider'], 'cpu')
  for (const name of ['alike_decode_queue_depth', 'alike_embed_queue_depth', 'alike_index_queue_depth'])
    assert.ok(reading.has(name), name)
  for (const name of [
    'alike_write_queue_depth',
    'alike_body_memory_bytes',
    'alike_cuda_fallback',
    'alike_searches_total',
  ])
    assert.ok(reading.get(name)!.help.length > 10, name)
})

test('stages cover the time since the previous reading, with quantiles from their buckets', () => {
  const [before, now] = [readMetrics(stage([10, 10, 10], 0.25)), readMetrics(stage([10, 109, 110], 1.25))]
  const [embed] = stageLatencies(now, before)
  assert.deepEqual(embed, { stage: 'embed', count: 100, meanMs: 10, p50Ms: 20, p95Ms: 20 })
  assert.equal(stageLatencies(now, undefined)[0]!.count, 110)
  assert.deepEqual(stageLatencies(now, now), [], 'it did not run')
})

test("rates are a counter's increase per second; a restarted counter leaves a gap", () => {
  const reading = (at: number, count: number): Reading => ({ at, metrics: readMetrics(`c ${count}\ng ${count}`) })
  const history = [reading(0, 10), reading(2, 30), reading(4, 5)]
  const { at, lines } = linesOf(history, [
    { name: 'rate', metric: 'c', as: 'rate' },
    { name: 'value', metric: 'g', as: 'value', scale: 2 },
  ])
  assert.deepEqual(at, [2, 4])
  assert.deepEqual(
    lines.map(({ values }) => values),
    [
      [10, null],
      [60, 10],
    ],
  )
  const long = Array.from({ length: historyMax + 5 }).reduce<Reading[]>(
    (all, _, i) => withReading(all, reading(i, 0)),
    [],
  )
  assert.equal(long.length, historyMax)
})

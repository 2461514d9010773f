import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createMetrics } from '../../src/metrics/metrics.js'
import { type GpuReading, largestGalleries } from '../../src/metrics/readings.js'

async function linesOf(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  return (await metrics.expose()).text.split('\n')
}

test('durations are recorded in milliseconds and exposed in seconds', async () => {
  const metrics = createMetrics()
  metrics.observeStage('decode', 250)
  const lines = await linesOf(metrics)
  assert(lines.includes('alike_stage_duration_seconds_sum{stage="decode"} 0.25'))
  assert(lines.includes('alike_stage_duration_seconds_bucket{le="0.2",stage="decode"} 0'))
  assert(lines.includes('alike_stage_duration_seconds_bucket{le="0.3",stage="decode"} 1'))
  assert(lines.includes('alike_stage_duration_seconds_bucket{le="0.001",stage="search"} 0'))
  assert(lines.includes('alike_stage_duration_seconds_bucket{le="5",stage="search"} 0'))
})

test('every metric of ours has HELP and TYPE and follows the naming rules', async () => {
  const lines = await linesOf(createMetrics())
  const types = lines.filter((line) => line.startsWith('# TYPE alike_')).map((line) => line.split(' ').slice(2))
  assert(types.length >= 14)
  for (const [name, type] of types) {
    const help = lines.find((line) => line.startsWith(`# HELP ${name} `))
    assert.match(help ?? '', /\.$/, `${name} has no help sentence`)
    assert.equal(name?.endsWith('_total'), type === 'counter', `${name} is a ${type}`)
  }
})

test('gauges read their sources at each scrape', async () => {
  const metrics = createMetrics()
  let depth = 3
  const reading = { searchable: true, size: 5, pending: 0, building: false, rebuilds: 0 }
  let galleries = [{ gallery: 'a', images: 5, tombstones: 1, unfindable: 2, ...reading }]
  metrics.watch({ embedQueueDepth: () => depth, galleries: async () => galleries })
  const before = await linesOf(metrics)
  assert(before.includes('alike_embed_queue_depth 3'))
  assert(before.includes('alike_gallery_images{gallery="a"} 5'))
  assert(before.includes('alike_gallery_tombstones{gallery="a"} 1'))
  assert(before.includes('alike_gallery_unfindable_images{gallery="a"} 2'))
  depth = 0
  galleries = []
  const after = await linesOf(metrics)
  assert(after.includes('alike_embed_queue_depth 0'))
  assert(!after.some((line) => line.includes('gallery="a"')), 'a deleted gallery is not reported')
})

test('jobs are counted once for all gauges of a scrape', async () => {
  const metrics = createMetrics()
  let reads = 0
  metrics.watch({
    async jobs() {
      reads += 1
      return [
        { group: 'ingest', state: 'queued', count: 3 },
        { group: 'move', state: 'running', count: 1 },
      ]
    },
  })
  for (const scrape of [1, 2]) {
    const lines = (await linesOf(metrics)).filter((line) => /^alike_.*_jobs\{/.test(line))
    assert.deepEqual(lines, ['alike_ingest_jobs{state="queued"} 3', 'alike_move_jobs{state="running"} 1'])
    assert.equal(reads, scrape)
  }
})

test('memory and load of GPUs are exposed while readable, and are not 0 otherwise', async () => {
  const metrics = createMetrics()
  const ofGpus = async () => (await linesOf(metrics)).filter((line) => line.startsWith('alike_gpu_'))
  assert.deepEqual(await ofGpus(), [])
  let gpus: GpuReading[] = [
    { device: 0, usedBytes: 1, totalBytes: 2 },
    { device: 1, usedBytes: 2048, totalBytes: 4096, utilization: 0.5 },
  ]
  metrics.watch({ gpus: () => gpus })
  assert.deepEqual(await ofGpus(), [
    'alike_gpu_memory_used_bytes{device="0"} 1',
    'alike_gpu_memory_used_bytes{device="1"} 2048',
    'alike_gpu_memory_total_bytes{device="0"} 2',
    'alike_gpu_memory_total_bytes{device="1"} 4096',
    'alike_gpu_utilization_ratio{device="1"} 0.5',
  ])
  gpus = []
  assert.deepEqual(await ofGpus(), [])
})

test('two apps in one process do not share counts', async () => {
  const [first, second] = [createMetrics(), createMetrics()]
  first.countRequest('GET', '/livez', 200)
  assert((await linesOf(first)).includes('alike_http_requests_total{method="GET",route="/livez",status="200"} 1'))
  assert(!(await linesOf(second)).some((line) => line.startsWith('alike_http_requests_total{')))
})

test('runtime info replaces itself and reports a fallback', async () => {
  const metrics = createMetrics()
  const labels = {
    provider: 'cuda',
    precision: 'fp16',
    model_id: '0123456789abcdef',
    model: 'tiny',
    ort_version: '1.30.0',
  }
  metrics.embedding.setRuntime(labels, false)
  metrics.embedding.setRuntime({ ...labels, provider: 'cpu', precision: 'fp32' }, true)
  const lines = await linesOf(metrics)
  assert.equal(lines.filter((line) => line.startsWith('alike_runtime_info{')).length, 1)
  assert(lines.includes('alike_cuda_fallback 1'))
})

test('process metrics are exposed, including event-loop lag', async () => {
  const lines = await linesOf(createMetrics())
  for (const name of [
    'nodejs_eventloop_lag_p99_seconds',
    'process_resident_memory_bytes',
    'process_cpu_seconds_total',
  ]) {
    assert(
      lines.some((line) => line.startsWith(`# HELP ${name} `)),
      name,
    )
  }
})

test('docs/monitoring.md lists exactly our metrics, and the alert rules use only existing ones', async () => {
  const lines = await linesOf(createMetrics())
  const exposed = new Set(lines.flatMap((line) => line.match(/^# TYPE (\S+)/)?.[1] ?? []))
  const ours = [...exposed].filter((name) => name.startsWith('alike_')).sort()
  const documented = readFileSync('docs/monitoring.md', 'utf8').matchAll(/^\| `(alike_\w+)` \|/gm)
  assert.deepEqual([...documented].map(([, name]) => name).sort(), ours)

  const rules = readFileSync('docker/alerts.yml', 'utf8').matchAll(/\b(?:alike|nodejs|process)_\w+/g)
  const used = [...rules].map(([name]) => (exposed.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')))
  assert(used.length > 5)
  assert.deepEqual(
    used.filter((name) => !exposed.has(name)),
    [],
  )
})

test('the largest galleries have their own series, the others share one', () => {
  const of = (gallery: string, images: number) => ({ gallery, images, tombstones: 1, unfindable: 2 })
  const readings = [of('a', 1), of('b', 30), of('c', 2), of('d', 30)]
  assert.deepEqual(largestGalleries(readings, 4), readings)
  assert.deepEqual(largestGalleries(readings, 2), [
    of('b', 30),
    of('d', 30),
    { gallery: '(others)', images: 3, tombstones: 2, unfindable: 4 },
  ])
  assert.deepEqual(largestGalleries(readings, 0), [{ gallery: '(others)', images: 63, tombstones: 4, unfindable: 8 }])
})

/** Traces as received by a collector beside the test. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { openTracing } from '../../src/tracing/open-tracing.js'
import { parseTraceparent } from '../../src/tracing/tracing.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, type Job } from '../support/jobs.js'

interface Span {
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[]
}

async function startCollector(t: TestContext): Promise<{ url: string; spans: Span[]; services: Set<string> }> {
  const [spans, services]: [Span[], Set<string>] = [[], new Set()]
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    assert.equal(request.url, '/v1/traces')
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as {
      resourceSpans: { resource: Pick<Span, 'attributes'>; scopeSpans: { spans: Span[] }[] }[]
    }
    for (const { resource, scopeSpans } of resourceSpans) {
      services.add(resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '')
      spans.push(...scopeSpans.flatMap((scope) => scope.spans))
    }
    response.setHeader('content-type', 'application/json').end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, services }
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const settings = {
  otelExporterOtlpEndpoint: 'http://127.0.0.1:9',
  otelExporterOtlpTracesEndpoint: '',
  otelServiceName: 'alike',
  otelTracesSampler: 'traceidratio',
  otelTracesSamplerArg: '1',
  otelSdkDisabled: false,
} as const
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`

test('a query, a stored picture and a job are traces with their spans, under the caller’s trace', async (t) => {
  const collector = await startCollector(t)
  const app = await startApp(t, { otelExporterOtlpEndpoint: `${collector.url}/`, otelServiceName: 'pictures' })
  const address = await app.listen()
  const send = async (method: string, path: string, body?: Uint8Array, type = 'image/png') =>
    fetch(`${address}${path}`, {
      method,
      headers: { traceparent, ...(body && { 'content-type': type }) },
      ...(body && { body: new Uint8Array(body) }),
    })
  const picture = await drawImage('circle', 1, { format: 'png' })
  await send('PUT', '/v1/galleries/g')
  await send('PUT', '/v1/galleries/g/images/a', picture)
  await send('POST', '/v1/galleries/g/search', picture)
  const problem = (await (await send('GET', '/v1/galleries/none')).json()) as { traceId: string }
  assert.equal(problem.traceId, traceId)
  const job = (await (
    await send(
      'POST',
      '/v1/galleries/g/ingest',
      Buffer.from(`${JSON.stringify({ add: { id: 'b', image: picture.toString('base64') } })}\n`),
      'application/x-ndjson',
    )
  ).json()) as Job
  await endedJob(app, job)
  await fetch(`${address}/readyz`)
  await app.close()

  assert.deepEqual([...collector.services], ['pictures'])
  const spans = collector.spans.filter((span) => span.traceId === traceId)
  const others = new Set(collector.spans.filter((span) => !spans.includes(span)).map(({ name }) => name))
  assert.deepEqual([...others], ['GET /v1/jobs/:job'], 'a request without a trace starts one')
  const one = (name: string) => spans.find((span) => span.name === name) ?? assert.fail(`no span ${name}`)
  const partsOf = (name: string) => {
    const { spanId } = one(name)
    return spans.filter(({ parentSpanId }) => parentSpanId === spanId)
  }
  const search = one('POST /v1/galleries/:gallery/search')
  assert.equal(search.parentSpanId, '00f067aa0ba902b7')
  const stages = partsOf(search.name)
  assert.deepEqual(stages.map(({ name }) => name).sort(), ['decode', 'embed', 'queue', 'search'])
  for (const stage of stages) {
    assert.ok(BigInt(stage.startTimeUnixNano) >= BigInt(search.startTimeUnixNano) - 1_000_000n, stage.name)
    assert.ok(BigInt(stage.endTimeUnixNano) <= BigInt(search.endTimeUnixNano) + 1_000_000n, stage.name)
  }
  const names = (spans: Span[]) => spans.map(({ name }) => name).sort()
  assert.deepEqual(names(partsOf('PUT /v1/galleries/:gallery/images/:id')), ['commit', 'embed'])
  assert.deepEqual(names(partsOf('POST /v1/galleries/:gallery/ingest')), ['job ingest'])
  const ofJob = one('job ingest')
  const stagesOfJob = partsOf('job ingest')
  assert.deepEqual(names(stagesOfJob), ['commit', 'decode', 'embed', 'queue'])
  for (const stage of stagesOfJob) {
    assert.ok(BigInt(stage.startTimeUnixNano) >= BigInt(ofJob.startTimeUnixNano) - 1_000_000n, stage.name)
    assert.ok(BigInt(stage.endTimeUnixNano) <= BigInt(ofJob.endTimeUnixNano) + 2_000_000n, stage.name)
  }
  const attribute = (span: Span, key: string) => span.attributes.find((one) => one.key === key)?.value
  assert.equal(attribute(one('GET /v1/galleries/:gallery'), 'error.type')?.stringValue, 'gallery_not_found')
  assert.equal(attribute(search, 'http.response.status_code')?.intValue, 200)
  assert.ok(!spans.some(({ name }) => name.includes('readyz')))
  assert.ok(app.log.some((line) => line.traceId === traceId && line.path === '/v1/galleries/g/search'))
})

test('without a collector a caller’s trace id is in log and problems, and nothing is loaded', async (t) => {
  const app = await startApp(t)
  const problem = await app.call(404, { url: '/v1/galleries/none', headers: { traceparent } })
  assert.equal((problem as { traceId?: string }).traceId, traceId)
  assert.ok(app.log.some((line) => line.traceId === traceId))
  const without = await app.call(404, { url: '/v1/galleries/none', headers: { traceparent: 'none' } })
  assert.ok(!('traceId' in without))
})

test('a malformed trace context is ignored', () => {
  assert.deepEqual(parseTraceparent(traceparent), { traceId, spanId: '00f067aa0ba902b7', flags: 1 })
  for (const wrong of [
    undefined,
    '',
    'x',
    traceparent.slice(1),
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
  ])
    assert.equal(parseTraceparent(wrong), undefined, wrong)
})

test('tracing is off if disabled, and a malformed sampling share prevents the start of the service', async () => {
  assert.equal(await openTracing({ ...settings, otelSdkDisabled: true }, '1'), undefined)
  await assert.rejects(openTracing({ ...settings, otelTracesSamplerArg: 'half' }, '1'), { code: 'config_invalid' })
})

test('the end of the service neither fails nor waits for the exporter if a collector is away or silent', async (t) => {
  let asked = 0
  let abandoned = 0
  const silent = createServer((request, answer) => {
    if (request.method === 'GET') return void answer.end()
    asked++
    answer.on('close', () => abandoned++)
  })
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => silent.close())
  t.after(() => silent.closeAllConnections())
  const silentUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  for (const url of ['http://127.0.0.1:1', silentUrl]) {
    const tracing = await openTracing({ ...settings, otelExporterOtlpEndpoint: url }, '1')
    tracing!.request({}).end('GET /', {}, false)
    await tracing!.close()
  }
  await fetch(silentUrl) // what was abandoned before is known to be
  assert.deepEqual({ asked, abandoned }, { asked: 1, abandoned: 0 }, 'the exporter still waits')
})

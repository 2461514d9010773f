/**
 * Does anything grow without end? A random mixture of what clients do, at a steady rate, for as long as wanted; every
 * minute memory, descriptors and the number of metrics are read from the service itself, at the end the answers are
 * counted by status. Memory rises at first: the heap may grow to three times what is in use before it is collected.
 *
 *     npx node dist/bench/soak.js [--model onnx/har-lite0] [--minutes 60] [--calls-per-second 30] [--seed 1]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { AlikeClient } from '../clients/typescript/src/alike-client.js'
import { seededRandom } from '../src/eval/random.js'
import { tarUpload } from './archive.js'
import { table } from './report.js'
import { ServiceProcess } from './service-process.js'
import { drawWebImages } from './web-images.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'onnx/har-lite0' },
    minutes: { type: 'string', default: '60' },
    'calls-per-second': { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
  },
})
const random = seededRandom(Number(values.seed))
const upTo = (count: number) => Math.floor(random() * count)
const images = await drawWebImages(64)
const service = await ServiceProcess.start({ MODEL_DIR: values.model })
const client = new AlikeClient({ url: service.url })
const gallery = '/v1/galleries/soak'
const answers = new Map<string, number>()
let made = 0
let underWay = 0

type Body = Uint8Array<ArrayBuffer> | object

/** Counts the answer by what was called and its status. */
async function call(name: string, method: string, path: string, body?: Body, signal?: AbortSignal): Promise<unknown> {
  const isFile = body instanceof Uint8Array
  const response = await fetch(service.url + path, {
    method,
    ...(signal && { signal }),
    ...(body && { body: isFile ? body : JSON.stringify(body) }),
    ...(body && { headers: { 'content-type': isFile ? 'image/jpeg' : 'application/json' } }),
  })
  const key = `${name}: ${response.status}`
  answers.set(key, (answers.get(key) ?? 0) + 1)
  return response.headers.get('content-type')?.includes('json') === true ? response.json() : response.arrayBuffer()
}

const picture = () => new Uint8Array(images[upTo(images.length)]!.bytes)
/** About a third of them are not stored. */
const image = () => `${gallery}/images/${upTo(1_500)}`

async function searchByPages(): Promise<void> {
  const first = await call('first page', 'POST', `${gallery}/search?k=5&paged=true`, picture())
  const { nextPageToken } = first as { nextPageToken?: string }
  if (nextPageToken !== undefined) await call('next page', 'POST', `${gallery}/search`, { pageToken: nextPageToken })
}

async function leave(): Promise<void> {
  await call('left', 'POST', `${gallery}/search`, picture(), AbortSignal.timeout(1 + upTo(10))).catch(() => {})
}

async function makeGallery(): Promise<void> {
  const path = `/v1/galleries/made-${made++}`
  await call('make gallery', 'PUT', path, {})
  for (let number = 0; number < 4; number++) await call('store', 'PUT', `${path}/images/${number}`, picture())
  await call('search', 'POST', `${path}/search`, picture())
  await call('delete gallery', 'DELETE', path)
}

async function ingest(): Promise<void> {
  const first = upTo(images.length - 20)
  const { id } = await client.ingest('soak', tarUpload(images.slice(first, first + 20)))
  await call('events', 'GET', `/v1/jobs/${id}/events`)
}

const actions: [weight: number, action: () => Promise<unknown>][] = [
  [36, () => call('search', 'POST', `${gallery}/search?k=10`, picture())],
  [4, () => call('search without copies', 'POST', `${gallery}/search?k=10&hideDuplicates=true`, picture())],
  [4, () => call('search by id', 'POST', `${gallery}/search`, { imageId: String(upTo(1_500)), diversity: 0.3 })],
  [4, searchByPages],
  [2, leave],
  [20, () => call('store', 'PUT', `${image()}?label=${upTo(15)}`, picture())],
  [6, () => call('delete', 'DELETE', image())],
  [4, () => call('patch', 'PATCH', image(), { label: String(upTo(15)) })],
  [6, () => call('thumbnail', 'GET', `${image()}/thumbnail`)],
  [4, () => call('list', 'GET', `${gallery}/images?limit=50&include=vector`)],
  [2, () => call('labels', 'GET', `${gallery}/labels`)],
  [2, () => call('damaged', 'POST', `${gallery}/search`, new Uint8Array([1, 2, upTo(256)]))],
  [0.5, makeGallery],
  [0.5, ingest],
  [0.1, () => call('duplicates', 'POST', `${gallery}/duplicates`, {})],
  [0.1, () => call('evaluate', 'POST', `${gallery}/evaluate`, {})],
]
const weights = actions.reduce((sum, [weight]) => sum + weight, 0)

function anyAction(): () => Promise<unknown> {
  let left = random() * weights
  return actions.find(([weight]) => (left -= weight) < 0)![1]
}

const readings: string[][] = []

async function read(minute: number): Promise<void> {
  const metrics = await service.metrics()
  const mebibytes = (name: string) => ((metrics.get(name) ?? Number.NaN) / 2 ** 20).toFixed(0)
  readings.push([
    String(minute),
    mebibytes('process_resident_memory_bytes'),
    mebibytes('alike_memory_bytes{part="javascript_used"}'),
    mebibytes('alike_memory_bytes{part="page_rankings"}'),
    String(metrics.get('process_open_fds')),
    String(metrics.size),
  ])
}

await call('make gallery', 'PUT', gallery, {})
const startedAt = performance.now()
for (let minute = 1; minute <= Number(values.minutes); minute++) {
  while (performance.now() - startedAt < minute * 60_000) {
    if (underWay < 12) {
      underWay++
      void anyAction()().finally(() => underWay--)
    }
    await sleep(1_000 / Number(values['calls-per-second']))
  }
  await read(minute)
}
while (underWay > 0) await sleep(50)
await service.stop()

const columns = ['minute', 'memory, MiB', 'heap, MiB', 'page rankings, MiB', 'descriptors', 'metrics']
console.log(table(columns, readings))
console.log(
  table(
    ['answer', 'number'],
    [...answers].sort().map(([answer, count]) => [answer, String(count)]),
  ),
)

/**
 * The process is killed repeatedly while a gallery moves to Weaviate and is written to: nothing acknowledged is lost,
 * and the move completes.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import type { Job } from '../support/jobs.js'
import { type ServiceProcess, startProcess } from '../support/service-process.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'
import { settingsOf, sharedWeaviate, skipWithoutWeaviate } from '../support/weaviate-server.js'

const images = 150
const kills = 3

interface Gallery {
  engine: string
  count: number
  move?: { images: number }
}

class Caller {
  service: ServiceProcess

  constructor(service: ServiceProcess) {
    this.service = service
  }

  async call<Given>(method: string, path: string, body?: object): Promise<Given> {
    const answer = await fetch(`${this.service.address}/v1${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`)
    return (answer.status === 204 ? undefined : await answer.json()) as Given
  }
}

async function started(t: TestContext): Promise<() => Promise<ServiceProcess>> {
  const { weaviateUrl, weaviateGrpc } = settingsOf(await sharedWeaviate())
  const environment = {
    DATA_DIR: await temporaryFolder(t),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    WEAVIATE_URL: weaviateUrl,
    WEAVIATE_GRPC: weaviateGrpc,
  }
  return () => startProcess(t, environment)
}

test('a move continues after each kill, and keeps everything acknowledged meanwhile', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const start = await started(t)
  const caller = new Caller(await start())
  const drawn = await Promise.all(
    [1, 2, 3, 4].map(async (seed) => (await drawImage('square', seed)).toString('base64')),
  )
  const labels = new Map<string, string>()
  const put = async (i: number, label: string) => {
    await caller.call('PUT', `/galleries/g/images/p${i}`, { image: drawn[i % drawn.length], label })
    labels.set(`p${i}`, label)
  }
  await caller.call('PUT', '/galleries/g', {})
  for (let i = 0; i < images; i++) await put(i, 'before')

  const { id } = await caller.call<Job>('POST', '/galleries/g/move', { engine: 'weaviate', ratePerSecond: 60 })
  for (let kill = 0; kill < kills; kill++) {
    const least = 1 + (kill * images) / kills
    await until(
      async () => ((await caller.call<Gallery>('GET', '/galleries/g')).move?.images ?? 0) >= least,
      'pictures',
    )
    for (let i = 0; i < 4; i++) await put(kill * 50 + i, `during ${kill}`)
    await put(images + kill, `new ${kill}`)
    const removed = `p${kill * 50 + 10}`
    await caller.call('DELETE', `/galleries/g/images/${removed}`)
    labels.delete(removed)
    assert.equal(await caller.service.stop('SIGKILL'), 'SIGKILL')
    caller.service = await start()
  }
  const job = await until(async () => {
    const now = await caller.call<Job>('GET', `/jobs/${id}`)
    return now.finishedAt !== null && now
  }, 'the end of the move')
  assert.deepEqual([job.state, job.failure], ['succeeded', null])
  const gallery = await caller.call<Gallery>('GET', '/galleries/g')
  assert.deepEqual([gallery.engine, gallery.count], ['weaviate', labels.size])
  const listed = await caller.call<{ images: { id: string; label: string }[] }>('GET', '/galleries/g/images?limit=1000')
  assert.deepEqual(
    new Map(listed.images.map(({ id: image, label }) => [image, label])),
    new Map([...labels].toSorted()),
  )
  assert.equal(await caller.service.stop('SIGTERM'), 0)
})

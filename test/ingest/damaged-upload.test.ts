/** Uploads waiting on disk while no process runs. */
import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { Spool } from '../../src/ingest/spool.js'
import { seededRandom } from '../engines/embedded/vector-index/unit-vectors.js'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { damagedBytes } from '../support/damage.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { until } from '../support/until.js'

interface JobView {
  state: string
  added: number
  failure: { code: string; detail: string } | null
}

function ended(app: TestApp, id: string): Promise<JobView> {
  return until(async () => {
    const job = await app.call<JobView>(200, { url: `/v1/jobs/${id}` })
    return job.state !== 'queued' && job.state !== 'running' && job
  }, 'the end of the job')
}

/** Jobs of a dead process, each with its upload on disk. */
async function leftJobs(
  t: TestContext,
  count: number,
): Promise<{ dataDir: string; modelDir: string; upload(id: string): string }> {
  const dataDir = await temporaryFolder(t)
  const modelDir = (await handmadeModel(t, { dimension: 24 })).folder
  const app = await startApp(t, { dataDir, modelDir })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const spool = new Spool(dataDir)
  for (let job = 0; job < count; job++) {
    const pictures = await Promise.all(
      [0, 1, 2].map(async (n) => ({
        path: `${job}/${n}.jpg`,
        content: await drawImage(drawnLabels[n % 4]!, job * 3 + n + 1),
      })),
    )
    const received = await spool.receive(`job-${job}`, Readable.from([await tarOf(pictures)]), 1e9)
    await app.parts.jobs.store.create({ id: `job-${job}`, gallery: 'g', source: { kind: 'tar', ...received } })
  }
  await app.close()
  return { dataDir, modelDir, upload: (id) => spool.fileOf(id) }
}

test('an upload damaged on disk ends its job before any picture is taken in; other jobs continue', async (t) => {
  const count = 12
  const { upload, ...folders } = await leftJobs(t, count)
  const random = seededRandom(37)
  for (let job = 1; job < count - 1; job++) {
    const whole = await readFile(upload(`job-${job}`))
    await writeFile(upload(`job-${job}`), damagedBytes(whole, random).bytes)
  }
  await rm(join(upload(`job-${count - 1}`)))
  const app = await startApp(t, folders)
  for (let job = 0; job < count; job++) {
    const { state, added, failure } = await ended(app, `job-${job}`)
    if (job === 0) assert.deepEqual([state, added], ['succeeded', 3])
    else assert.deepEqual([state, added, failure?.code], ['failed', 0, 'archive_unreadable'])
    if (job > 0) assert.match(failure!.detail, job === count - 1 ? /upload is gone/ : /damaged in storage/)
  }
  assert.deepEqual((await app.call(200, { url: '/v1/galleries/g/images' })).images.length, 3)
})

test('jobs of an older version, without recorded upload sizes, continue', async (t) => {
  const { upload, ...folders } = await leftJobs(t, 1)
  const app = await startApp(t, folders)
  const whole = await tarOf([{ path: 'old/a.jpg', content: await drawImage('circle', 1) }])
  const spool = new Spool(folders.dataDir)
  await ended(app, 'job-0')
  await spool.receive('old', Readable.from([whole]), 1e9)
  await app.parts.jobs.store.create({ id: 'old', gallery: 'g', source: { kind: 'tar' } })
  await app.close()
  const again = await startApp(t, folders)
  assert.deepEqual((await ended(again, 'old')).state, 'succeeded')
  assert.equal(upload('old').endsWith('upload'), true)
})

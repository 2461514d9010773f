/** Originals that their S3 store has moved to an archive, as a lifecycle rule may. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { bucketServer } from '../support/bucket-server.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { installModel } from '../support/installed-model.js'
import { endedJob, errorsOf, type Job } from '../support/jobs.js'

const gallery = '/v1/galleries/g'

test('an archived original is refused with a code, omitted by a change of model, and readable again once stored again', async (t) => {
  process.env.AWS_ACCESS_KEY_ID ??= 'test'
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test'
  let archived = 'none'
  const { endpoint } = await bucketServer(t, {
    refuses({ method, url = '', headers }) {
      if (!url.includes(archived)) return undefined
      const isRead = method === 'GET' || headers['x-amz-copy-source'] !== undefined
      if (method === 'PUT' && !isRead) archived = 'none'
      return isRead ? 'InvalidObjectState' : undefined
    },
  })
  const app = await startApp(t, { originalsS3Bucket: 'kept', originalsS3Endpoint: endpoint })
  await app.call(201, { method: 'PUT', url: gallery })
  await installModel(app, (await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })).folder)
  const pictures = await Promise.all([1, 2].map((n) => drawImage('circle', n, { format: 'png' })))
  const put = (status: number, n: number) =>
    app.call(status, {
      method: 'PUT',
      url: `${gallery}/images/${n}`,
      payload: pictures[n]!,
      headers: { 'content-type': 'image/png' },
    })
  for (const n of pictures.keys()) await put(201, n)
  archived = (await app.call<{ contentHash: string }>(200, { url: `${gallery}/images/1` })).contentHash

  const original = `${gallery}/images/1/original`
  assert.equal((await app.call(409, { url: original })).code, 'original_unreadable')
  const payload = { model: 'twelve', withoutOriginal: 'leave_out' }
  const job = await endedJob(app, await app.call<Job>(202, { method: 'POST', url: `${gallery}/sets`, payload }))
  assert.deepEqual([job.state, job.added, job.failed], ['completed_with_errors', 1, 1])
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ name, code }) => [name, code]),
    [['1', 'original_unreadable']],
  )

  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 3_600_000 })
  await put(200, 1)
  assert.equal((await app.app.inject(original)).statusCode, 200)
})

/** Against a real S3 server, if available (`test/support/s3-server.ts`). */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { startApp, temporaryFolder } from '../support/app.js'
import { bucketServer } from '../support/bucket-server.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { endedJob, errorsOf, type Job } from '../support/jobs.js'
import { runCommand } from '../support/run-command.js'
import { newBucket, s3Connection, skipWithoutS3 as skip } from '../support/s3-server.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/bucket'

async function bucketOf(t: TestContext, objects: Record<string, Buffer>) {
  const bucket = await newBucket('ingest')
  const connection = await s3Connection()
  // the service reads them like any S3 client
  process.env.AWS_ACCESS_KEY_ID = connection.credentials.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = connection.credentials.secretAccessKey
  const client = new S3Client(connection)
  t.after(() => client.destroy())
  for (const [Key, Body] of Object.entries(objects))
    await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body }))
  const remove = (Key: string) => client.send(new DeleteObjectCommand({ Bucket: bucket, Key }))
  return { bucket, remove }
}

const settings = async (buckets: string) => ({
  ingestS3Buckets: buckets,
  ingestS3Endpoint: (await s3Connection()).endpoint,
})

async function ids({ call }: Awaited<ReturnType<typeof startApp>>) {
  const { images } = await call(200, { method: 'GET', url: `${gallery}/images?limit=1000` })
  return images.map(({ id, label }) => [id, label]).sort()
}

test('the pictures below a prefix of a bucket are taken in by a job, and a repeat takes only what is new', {
  skip,
}, async (t) => {
  const picture = (n: number) => drawImage('circle', n)
  const { bucket } = await bucketOf(t, {
    '2024/cycling/a.jpg': await picture(1),
    '2024/cycling/ä b+c.jpg': await picture(2),
    '2024/top.jpg': await picture(3),
    '2024/broken.jpg': Buffer.from('no picture'),
    '2024/.DS_Store': Buffer.from('litter'),
    '2024/notes.txt': Buffer.from('litter'),
    '2024/large.jpg': Buffer.alloc(200_000),
    '2023/other.jpg': await picture(4),
  })
  const app = await startApp(t, { ...(await settings(bucket)), uploadMaxBytes: 100_000 })
  await app.call(201, { method: 'PUT', url: gallery })
  const send = (payload: object, query = '') =>
    app.call<Job>(202, { method: 'POST', url: `${gallery}/ingest/s3${query}`, payload })
  const job = await endedJob(app, await send({ bucket, prefix: '2024/' }, '?label=unsorted'))
  assert.deepEqual([job.state, job.total, job.added, job.skipped, job.failed], ['completed_with_errors', 7, 3, 2, 2])
  assert.deepEqual((await errorsOf(app, job)).map(({ name, code }) => [name, code]).sort(), [
    ['2024/broken.jpg', 'image_unreadable'],
    ['2024/large.jpg', 'image_too_large'],
  ])
  assert.deepEqual(await ids(app), [
    ['cycling/a.jpg', 'cycling'],
    ['cycling/ä b+c.jpg', 'cycling'],
    ['top.jpg', 'unsorted'],
  ])

  const again = await endedJob(app, await send({ bucket, prefix: '2024/cycling/' }))
  assert.deepEqual([again.added, again.updated], [2, 0], 'ids are relative to the prefix')
  const third = await endedJob(app, await send({ bucket, prefix: '2024/' }, '?label=unsorted'))
  assert.deepEqual([third.added, third.updated, third.skipped], [0, 0, 5])
  assert.match((await app.app.inject('/metrics')).body, /alike_bucket_reads_total\{outcome="read"\} [1-9]/)
})

test('a job over a bucket resumes where it stopped, in its original list', { skip }, async (t) => {
  const count = 300
  const objects: Record<string, Buffer> = {}
  for (let n = 0; n < count; n++)
    objects[`${String(n).padStart(3, '0')}.png`] = Buffer.concat([
      await drawImage('circle', 1, { width: 16, height: 16, format: 'png' }),
      Buffer.from(String(n)),
    ])
  const { bucket, remove } = await bucketOf(t, objects)
  const [dataDir, modelDir] = [await temporaryFolder(t), (await handmadeModel(t, { dimension: 24 })).folder]
  const first = await startApp(t, { ...(await settings(bucket)), dataDir, modelDir })
  await first.call(201, { method: 'PUT', url: gallery })
  const { id } = await first.call<Job>(202, { method: 'POST', url: `${gallery}/ingest/s3`, payload: { bucket } })
  const { done } = await until(async () => {
    const job = await first.call<Job>(200, { method: 'GET', url: `/v1/jobs/${id}` })
    return job.total === count && job
  }, 'the list')
  assert.ok(done < count, 'everything was done before the service could be stopped')
  await first.close()

  await remove('000.png')
  await remove('299.png')
  const second = await startApp(t, { ...(await settings(bucket)), dataDir, modelDir })
  const job = await endedJob(second, { id } as Job)
  assert.deepEqual([job.total, job.done], [count, count])
  for (const { name, code } of await errorsOf(second, job)) {
    assert.ok(['000.png', '299.png'].includes(name), name)
    assert.equal(code, 'source_unreadable')
  }
  assert.equal(job.added + job.failed, count)
})

test('the command sends a bucket to the service and waits for the job', { skip }, async (t) => {
  const { bucket } = await bucketOf(t, { 'x/cycling/a.jpg': await drawImage('circle', 1) })
  const app = await startApp(t, await settings(bucket))
  const url = await app.listen()
  const { code, output } = await runCommand('cli/ingest', [
    `s3://${bucket}/x/`,
    '--gallery',
    'bucket',
    '--create',
    '--url',
    url,
  ])
  assert.equal(code, 0, output)
  assert.match(output, /1 added/)
  assert.deepEqual(await ids(app), [['cycling/a.jpg', 'cycling']])
})

test('a bucket that is not listed, or does not exist, is refused', { skip }, async (t) => {
  const { bucket } = await bucketOf(t, {})
  const app = await startApp(t, await settings(`${bucket}, missing-${bucket}`))
  await app.call(201, { method: 'PUT', url: gallery })
  const send = (status: number, name: string) =>
    app.call<Job & { code: string }>(status, { method: 'POST', url: `${gallery}/ingest/s3`, payload: { bucket: name } })
  assert.equal((await send(422, `other-${bucket}`)).code, 'source_not_allowed')
  const empty = await endedJob(app, await send(202, bucket))
  assert.deepEqual([empty.state, empty.added, empty.skipped], ['succeeded', 0, 1])
  const [line] = await errorsOf(app, empty)
  assert.deepEqual([line?.name, line?.code], [`${bucket}/`, 'source_without_pictures'])
  const missing = await endedJob(app, await send(202, `missing-${bucket}`))
  assert.deepEqual([missing.state, missing.failure?.code], ['failed', 'source_unreadable'])
})

test('a job waits for a bucket that refuses everything for a while; one refused object is a line of its report', async (t) => {
  process.env.AWS_ACCESS_KEY_ID = 'alike'
  process.env.AWS_SECRET_ACCESS_KEY = 'alikealike'
  let requests = 0
  const { endpoint } = await bucketServer(t, {
    refuses({ method, url = '' }) {
      if (method === 'PUT') return undefined
      const isAway = requests++ > 0 && requests < 6 // once the bucket has been listed
      return isAway || url.includes('secret') ? 'AccessDenied' : undefined
    },
  })
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  t.after(() => client.destroy())
  for (const [n, Key] of ['a.png', 'b.png', 'secret.png'].entries())
    await client.send(
      new PutObjectCommand({ Bucket: 'photos', Key, Body: await drawImage('circle', n, { format: 'png' }) }),
    )

  const app = await startApp(t, { ingestS3Buckets: 'photos', ingestS3Endpoint: endpoint })
  await app.call(201, { method: 'PUT', url: gallery })
  const request = { method: 'POST', url: `${gallery}/ingest/s3`, payload: { bucket: 'photos' } } as const
  const job = await endedJob(app, await app.call<Job>(202, request))
  assert.deepEqual([job.added, job.failed], [2, 1])
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ name, code }) => [name, code]),
    [['secret.png', 'source_unreadable']],
  )
})

/** Uploads in a bucket, in one piece and in parts. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import type { S3Client } from '@aws-sdk/client-s3'
import { Spool } from '../../src/ingest/spool.js'
import { s3Client } from '../../src/originals/s3-originals.js'
import { S3Uploads } from '../../src/originals/s3-uploads.js'
import { bucketServer } from '../support/bucket-server.js'
import { newBucket, s3Connection, skipWithoutS3 } from '../support/s3-server.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

for (const [how, partBytes] of [
  ['in one piece', undefined],
  ['in parts', 70_000],
] as const) {
  test(`an upload stored ${how} is returned whole, listed, and deleted`, async (t) => {
    const { endpoint, objects } = await bucketServer(t)
    const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
    const client = s3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
    const uploads = new S3Uploads({ client, bucket: 'b', prefix: 'uploads/', partBytes })
    const file = join(await temporaryFolder(t), 'upload')
    const bytes = randomBytes(200_001)
    await writeFile(file, bytes)
    assert.equal(await uploads.get('j'), undefined)
    await uploads.put('j', file)
    assert.deepEqual(objects.get('b/uploads/j')?.bytes, bytes)
    assert.deepEqual(await buffer((await uploads.get('j'))!), bytes)
    const listed = []
    for await (const { jobId } of uploads.list()) listed.push(jobId)
    assert.deepEqual(listed, ['j'])
    await writeFile(file, randomBytes(200_001))
    assert.equal(await uploads.putOnce('j', file), false)
    assert.deepEqual(await buffer((await uploads.get('j'))!), bytes, 'the first one is kept')
    await uploads.remove('j')
    await uploads.remove('j')
    assert.equal(await uploads.putOnce('j', file), true)
    await uploads.remove('j')
    assert.equal(await uploads.get('j'), undefined)
  })
}

test('an upload that a busy store refuses is sent again, in one piece and part by part', async (t) => {
  const { endpoint, objects } = await bucketServer(t, { isBusy: true })
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const client = s3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  const file = join(await temporaryFolder(t), 'upload')
  const bytes = randomBytes(200_001)
  await writeFile(file, bytes)
  for (const partBytes of [undefined, 70_000]) {
    await new S3Uploads({ client, bucket: 'b', prefix: 'uploads/', partBytes }).put('j', file)
    assert.deepEqual(objects.get('b/uploads/j')?.bytes, bytes)
  }
})

test('what a bucket that is not granted answers is told', async (t) => {
  const { endpoint } = await bucketServer(t, { refuses: () => 'InvalidAccessKeyId' })
  const credentials = { accessKeyId: 'former', secretAccessKey: 'alikealike' }
  const client = s3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  const file = join(await temporaryFolder(t), 'upload')
  await writeFile(file, 'bytes')
  const uploads = new S3Uploads({ client, bucket: 'b', prefix: 'uploads/' })
  await assert.rejects(uploads.put('j', file), {
    code: 'store_unreachable',
    detail: 'The bucket of uploads answers 403 InvalidAccessKeyId.',
  })
})

test('a file that cannot be opened for its next part fails its upload, not the process', async (t) => {
  const file = join(await temporaryFolder(t), 'upload')
  const { endpoint } = await bucketServer(t, {
    refuses({ url = '' }) {
      if (url.includes('partNumber=1')) rmSync(file, { force: true })
      return undefined
    },
  })
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const client = s3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  await writeFile(file, randomBytes(200_001))
  const uploads = new S3Uploads({ client, bucket: 'b', prefix: 'uploads/', partBytes: 70_000 })
  await assert.rejects(uploads.put('j', file), { code: 'store_unreachable' })
})

test('an upload refused by closing its connection is known to be there already', async (t) => {
  const { endpoint, objects } = await bucketServer(t, { hangsUp: true })
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const client = s3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  const uploads = new S3Uploads({ client, bucket: 'b', prefix: 'uploads/' })
  const file = join(await temporaryFolder(t), 'upload')
  const first = randomBytes(200_001)
  await writeFile(file, first)
  assert.equal(await uploads.putOnce('j', file), true)
  await writeFile(file, randomBytes(6 * 2 ** 20))
  assert.equal(await uploads.putOnce('j', file), false)
  assert.deepEqual(objects.get('b/uploads/j')?.bytes, first)
})

test('an upload whose connection is lost while it is fetched can be fetched again', async (t) => {
  const { endpoint } = await bucketServer(t, { breaksOff: 1 })
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const client = s3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  const folder = await temporaryFolder(t)
  const spool = new Spool(folder, new S3Uploads({ client, bucket: 'b', prefix: 'uploads/' }))
  const bytes = randomBytes(2 ** 20)
  const received = await spool.receive('j', Readable.from([bytes]), bytes.length)
  await spool.share('j')
  await assert.rejects(spool.bring('j', received), { code: 'store_unreachable' })
  await spool.bring('j', received)
  assert.deepEqual(await readFile(spool.fileOf('j')), bytes)
})

test('a bucket that falls silent is not waited for, except while it joins the parts of an upload', async (t) => {
  const { endpoint } = await bucketServer(t, {
    fallsSilent: true,
    worksMs: ({ method, url = '' }) => (method === 'POST' && url.includes('uploadId=') ? 500 : 0),
  })
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const connection = { endpoint, region: 'us-east-1', forcePathStyle: true, credentials }
  const client = s3Client({ ...connection, silentMs: 100 })
  const folder = await temporaryFolder(t)
  const [away, bytes] = [{ code: 'store_unreachable' }, randomBytes(200_001)]
  const uploadsOf = (joining: S3Client | undefined) =>
    new Spool(folder, new S3Uploads({ client, joining, bucket: 'b', prefix: 'uploads/', partBytes: 70_000 }))
  const received = await uploadsOf(undefined).receive('j', Readable.from([bytes]), bytes.length)
  await assert.rejects(uploadsOf(undefined).share('j'), away)
  const uploads = uploadsOf(s3Client(connection))
  await uploads.share('j')
  await assert.rejects(uploads.bring('j', received), away)
})

test('an unreachable bucket is reported with a code', async (t) => {
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const client = s3Client({ endpoint: 'http://127.0.0.1:9', region: 'us-east-1', forcePathStyle: true, credentials })
  const uploads = new S3Uploads({ client, bucket: 'b', prefix: 'uploads/' })
  const file = join(await temporaryFolder(t), 'upload')
  await writeFile(file, 'pictures')
  const away = { code: 'store_unreachable' }
  await Promise.all([
    assert.rejects(uploads.put('j', file), away),
    assert.rejects(uploads.putOnce('j', file), away),
    assert.rejects(uploads.get('j'), away),
    assert.rejects(uploads.remove('j'), away),
    assert.rejects(uploads.list().next(), away),
  ])
})

test('an upload that could not be stored is not left open', {
  skip: process.platform !== 'linux' && 'it lists open files as Linux does',
}, async (t) => {
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const client = s3Client({ endpoint: 'http://127.0.0.1:9', region: 'us-east-1', forcePathStyle: true, credentials })
  const file = join(await temporaryFolder(t), 'upload')
  await writeFile(file, randomBytes(2 ** 20))
  await assert.rejects(new S3Uploads({ client, bucket: 'b', prefix: 'uploads/' }).put('j', file))
  await until(async () => !(await openFiles()).includes(file), 'that the file is closed')
})

async function openFiles(): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd')
  return Promise.all(descriptors.map((one) => readlink(`/proc/self/fd/${one}`).catch(() => '')))
}

test('in a real store the first of two uploads stays, in one piece and in parts', {
  skip: skipWithoutS3,
}, async (t) => {
  const client = s3Client(await s3Connection())
  const bucket = await newBucket('uploads')
  const folder = await temporaryFolder(t)
  for (const [jobId, partBytes] of [
    ['whole', undefined],
    ['parts', 5 * 2 ** 20],
  ] as const) {
    const uploads = new S3Uploads({ client, bucket, prefix: 'uploads/', partBytes })
    const [first, second] = [randomBytes(6 * 2 ** 20), randomBytes(6 * 2 ** 20)]
    for (const [bytes, isStored] of [
      [first, true],
      [second, false],
    ] as const) {
      await writeFile(join(folder, 'upload'), bytes)
      assert.equal(await uploads.putOnce(jobId, join(folder, 'upload')), isStored, jobId)
    }
    assert.deepEqual(await buffer((await uploads.get(jobId))!), first)
  }
  client.destroy()
})

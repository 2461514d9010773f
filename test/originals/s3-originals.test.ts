/** Against a real S3 server, if available (`test/support/s3-server.ts`). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { contentHashOf } from '../../src/content-hash.js'
import { S3Originals, s3Client } from '../../src/originals/s3-originals.js'
import { bucketServer } from '../support/bucket-server.js'
import { newBucket, s3Connection, skipWithoutS3 } from '../support/s3-server.js'
import { testOriginalStore } from './original-stores.js'

if (skipWithoutS3) test.skip(`S3: ${skipWithoutS3}`)
else
  testOriginalStore('S3', async () => {
    const bucket = await newBucket('originals')
    return new S3Originals({ bucket, prefix: 'alike/', ...(await s3Connection()) })
  })

test('a bucket that does not exist is unavailable, not empty', { skip: skipWithoutS3 }, async () => {
  const originals = new S3Originals({ bucket: 'no-such-bucket', prefix: '', ...(await s3Connection()) })
  const hash = 'a'.repeat(64)
  const away = { code: 'store_unreachable', message: /404 NoSuchBucket/ }
  await assert.rejects(originals.size(hash), away)
  await assert.rejects(originals.get(hash), away)
  await assert.rejects(originals.read(hash, { first: 0, last: 1 }), away)
  await assert.rejects(originals.put(hash, new Uint8Array(1)), away)
  await assert.rejects(originals.remove(hash, new Date()), away)
})

test('an unreachable bucket of originals is reported with a code', async () => {
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const place = { bucket: 'b', prefix: '', region: 'us-east-1', forcePathStyle: true, credentials }
  const originals = new S3Originals({ ...place, endpoint: 'http://127.0.0.1:9' })
  const hash = 'a'.repeat(64)
  const away = { code: 'store_unreachable', message: /originals/ }
  await Promise.all([
    assert.rejects(originals.put(hash, new Uint8Array(1)), away),
    assert.rejects(originals.get(hash), away),
    assert.rejects(originals.size(hash), away),
    assert.rejects(originals.read(hash, { first: 0, last: 1 }), away),
    assert.rejects(originals.remove(hash, new Date()), away),
    assert.rejects(originals.list().next(), away),
  ])
})

test('a bucket that falls silent, before its answer or in the middle of it, is not waited for', async (t) => {
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nthe beginning'
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    socket.on('data', (bytes) => bytes.toString().startsWith('GET') && socket.write(answer))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const place = { bucket: 'b', prefix: '', region: 'us-east-1', forcePathStyle: true, credentials, silentMs: 100 }
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const originals = new S3Originals({ ...place, endpoint })
  const hash = 'a'.repeat(64)
  for (const asked of [() => originals.size(hash), () => originals.get(hash)])
    await assert.rejects(asked, { code: 'store_unreachable' })
})

test('a store that takes long to store or to list originals is waited for', async (t) => {
  const worksMs = ({ method, url = '' }: IncomingMessage) => (method === 'PUT' || url.includes('list-type') ? 2_000 : 0)
  const { endpoint } = await bucketServer(t, { worksMs })
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const connection = { endpoint, region: 'us-east-1', forcePathStyle: true, credentials }
  const client = s3Client({ ...connection, silentMs: 500 })
  const originals = new S3Originals({ bucket: 'b', prefix: '', client, patient: s3Client(connection), ...connection })
  const bytes = Buffer.from('a picture')
  const contentHash = await contentHashOf(bytes)
  await originals.put(contentHash, bytes)
  assert.equal((await originals.list().next()).value?.contentHash, contentHash)
})

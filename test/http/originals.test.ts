import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { access, readFile, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FolderOriginals } from '../../src/originals/folder-originals.js'
import { startApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const image = await drawImage('circle', 1)
const hash = createHash('sha256').update(image).digest('hex')
const url = '/v1/galleries/g/images/a'
const pathIn = (dataDir: string) => join(dataDir, 'originals', hash.slice(0, 2), hash.slice(2, 4), hash)
const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

async function withOne(t: TestContext, overrides: Parameters<typeof startApp>[1] = {}) {
  const service = await startApp(t, overrides)
  await service.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await service.call(201, { method: 'PUT', url, payload: { image: image.toString('base64') } })
  return service
}

test('a picture is returned unchanged, whole and in ranges, unless the client has it already', async (t) => {
  const { app } = await withOne(t)
  const get = (headers: Record<string, string> = {}) => app.inject({ url: `${url}/original`, headers })
  const whole = await get()
  assert.equal(whole.statusCode, 200)
  assert.deepEqual(whole.rawPayload, image)
  assert.equal(whole.headers.etag, `"${hash}"`)
  assert.match(String(whole.headers['content-type']), /^image\//)

  const some = await get({ range: 'bytes=10-19' })
  assert.equal(some.statusCode, 206)
  assert.deepEqual(some.rawPayload, image.subarray(10, 20))
  assert.equal(some.headers['content-range'], `bytes 10-19/${image.length}`)
  assert.deepEqual((await get({ range: 'bytes=-5' })).rawPayload, image.subarray(-5))
  assert.deepEqual((await get({ range: 'bytes=5-' })).rawPayload, image.subarray(5))
  for (const range of ['lines=1-2', 'bytes=1-2,8-9', `bytes=-${image.length + 1}`])
    assert.equal((await get({ range })).statusCode, 200, range)
  assert.equal((await get({ range: 'bytes=0-1', 'if-range': '"another"' })).statusCode, 200)
  const beyond = await get({ range: `bytes=${image.length}-` })
  assert.deepEqual([beyond.statusCode, beyond.json().code], [416, 'range_not_satisfiable'])
  assert.equal(beyond.headers['content-range'], `bytes */${image.length}`)
  assert.equal((await get({ 'if-none-match': `"${hash}"` })).statusCode, 304)
  // parts that are requested one by one belong to one file
  assert.equal((await get({ range: 'bytes=0-1', 'if-match': `"${hash}"` })).statusCode, 206)
  assert.equal((await get({ 'if-match': '*' })).statusCode, 200)
  // as a proxy that compresses changes the tag
  assert.equal((await get({ 'if-match': `"other", "${hash}-gzip"` })).statusCode, 200)
  const other = await get({ range: 'bytes=0-1', 'if-match': '"another"' })
  assert.deepEqual([other.statusCode, other.json().code], [412, 'precondition_failed'])
  for (const of of ['', '/thumbnail'])
    assert.equal((await app.inject({ url: `${url}${of}`, headers: { 'if-match': '"another"' } })).statusCode, 412)

  // only GET has ranges
  const head = await app.inject({ method: 'HEAD', url: `${url}/original`, headers: { range: 'bytes=0-1' } })
  assert.deepEqual(
    [head.statusCode, head.headers['content-length'], head.rawPayload.length],
    [200, String(image.length), 0],
  )
})

test('it is stored once however many pictures use it, and deleted when none does any more', async (t) => {
  const dataDir = await temporaryFolder(t)
  const first = await withOne(t, { dataDir })
  await first.call(201, {
    method: 'PUT',
    url: '/v1/galleries/g/images/b',
    payload: { image: image.toString('base64') },
  })
  await first.call(204, { method: 'DELETE', url })
  await first.close()
  const path = pathIn(dataDir)
  const old = new Date(Date.now() - 7_200_000)
  await utimes(path, old, old)

  const second = await startApp(t, { dataDir })
  await second.call(200, { url: '/v1/galleries/g/images/b/original' })
  await second.call(204, { method: 'DELETE', url: '/v1/galleries/g' })
  await second.close()
  await utimes(path, old, old)

  const third = await startApp(t, { dataDir })
  await t.waitFor(async () => assert.equal(await isThere(path), false), { timeout: 60_000 })
  assert.equal((await third.call(404, { url: `${url}/original` })).code, 'gallery_not_found')
})

test('files that are not pictures, or not to be kept, are not kept', async (t) => {
  const service = await withOne(t, { originals: 'none' })
  assert.equal((await service.call(404, { url: `${url}/original` })).code, 'original_not_kept')
  assert.equal(await isThere(join(service.config.dataDir, 'originals')), false)
  const keeping = await startApp(t)
  await keeping.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await keeping
    .call(422, { method: 'PUT', url, payload: { image: Buffer.from('no picture').toString('base64') } })
    .catch(() =>
      keeping.call(415, { method: 'PUT', url, payload: { image: Buffer.from('no picture').toString('base64') } }),
    )
  assert.equal(await isThere(join(keeping.config.dataDir, 'originals')), false)
})

test('an original that is gone once its size is known is refused without headers of a picture', async (t) => {
  const { app, config } = await withOne(t)
  await rm(pathIn(config.dataDir))
  t.mock.method(FolderOriginals.prototype, 'size', async () => image.length)
  for (const method of ['GET', 'HEAD'] as const) {
    const { statusCode, headers } = await app.inject({ method, url: `${url}/original` })
    assert.deepEqual([statusCode, headers.etag], [409, undefined], method)
  }
})

test('a picture stored without its original gets it when it is sent again', async (t) => {
  const { call, config } = await withOne(t)
  await rm(pathIn(config.dataDir))
  assert.equal((await call(404, { url: `${url}/original` })).code, 'original_not_kept')
  await call(200, { method: 'PUT', url, payload: { image: image.toString('base64') } })
  assert.deepEqual(await readFile(pathIn(config.dataDir)), image)
})

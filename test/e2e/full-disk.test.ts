/**
 * A really full disk: writes are refused, reads and searches continue, and everything recovers when there is space
 * again.
 */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Reserve } from '../../src/engines/embedded/store/folder/reserve.js'
import type { Answer } from '../support/app.js'
import { temporaryFolder } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { fillDisk, limitFileSize, mayLimitFileSize, smallDisk, takeAllFiles } from '../support/full-disk.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { runToExit, type ServiceProcess, startProcess } from '../support/service-process.js'
import { storeTexts } from '../support/stored-rows.js'
import { until } from '../support/until.js'

const images = await Promise.all(
  Array.from({ length: 40 }, (_, n) => drawImage(drawnLabels[n % 4]!, n + 1, { width: 48, height: 48, format: 'png' })),
)

interface Reply extends Answer {
  state: string
  id: string
  done: number
  failure: { code: string } | null
  snapshots: { id: string; state: string }[]
}

async function ask(
  { address }: ServiceProcess,
  method: string,
  path: string,
  type?: string,
  body?: Buffer,
): Promise<{ status: number; retryAfter: string | null; answer: Reply }> {
  const response = await fetch(`${address}/v1${path}`, {
    method,
    ...(body && { body: new Uint8Array(body) }),
    ...(type !== undefined && { headers: { 'content-type': type } }),
  })
  const text = await response.text()
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    answer: (text === '' ? {} : JSON.parse(text)) as Reply,
  }
}

const put = (service: ServiceProcess, n: number) =>
  ask(service, 'PUT', `/galleries/g/images/p${n}`, 'image/png', images[n % images.length])

/** Stores pictures until the disk is full, up to a maximum. @returns how many were acknowledged */
async function putUntilFull(service: ServiceProcess, from: number): Promise<number> {
  for (let n = from; n < from + 500; n++) {
    const { status, answer, retryAfter } = await put(service, n)
    if (status === 201) continue
    assert.deepEqual([status, answer.code], [507, 'storage_full'])
    assert.ok(Number(retryAfter) >= 1)
    return n
  }
  return assert.fail('500 pictures had room')
}

async function expectReading(service: ServiceProcess, stored: number, last = stored - 1): Promise<void> {
  assert.equal((await fetch(`${service.address}/readyz`)).status, 200)
  assert.equal((await ask(service, 'GET', '/galleries/g')).answer.count, stored)
  for (const n of [0, last]) {
    const { status, answer } = await ask(
      service,
      'POST',
      `/galleries/g/search?imageId=p${n}&includeSelf=true&minScore=0.9999&k=1000`,
    )
    assert.equal(status, 200)
    assert.ok(
      answer.hits.some(({ id }) => id === `p${n}`),
      `p${n} is found`,
    )
  }
}

async function untilJob(service: ServiceProcess, id: string, done: (job: Reply) => boolean): Promise<Reply> {
  for (let waited = 0; waited < 90_000; waited += 100) {
    const { answer } = await ask(service, 'GET', `/jobs/${id}`)
    if (done(answer)) return answer
    await sleep(100)
  }
  return assert.fail('the job did not get there')
}

test('files that may not grow: writes are refused, reads continue, a job waits, and the process recovers by itself', async (t) => {
  const dataDir = await temporaryFolder(t)
  const environment = { DATA_DIR: dataDir, MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder }
  const service = await startProcess(t, environment)
  assert.equal((await ask(service, 'PUT', '/galleries/g')).status, 201)
  for (let n = 0; n < 5; n++) assert.equal((await put(service, n)).status, 201)

  const entries = Array.from({ length: 200 }, (_, n) => ({
    path: `job/${n}.png`,
    content: images[n % images.length]!,
  }))
  const { answer: job } = await ask(service, 'POST', '/galleries/g/ingest', 'application/x-tar', await tarOf(entries))
  await ask(service, 'PUT', '/galleries/bulk')
  if (!(await limitFileSize(service.pid, (await stat(join(dataDir, 'alike.db-wal'))).size)))
    return t.skip('prlimit is missing')

  const refused = await putUntilFull(service, 5)
  for (const [method, path, type, body] of [
    ['PATCH', '/galleries/g/images/p0', 'application/json', Buffer.from('{"label":"x"}')],
    ['PUT', '/galleries/other'],
    ['DELETE', '/galleries/g/images/p0'],
  ] as const) {
    const { status, answer } = await ask(service, method, path, type, body)
    assert.deepEqual([status, answer.code], [507, 'storage_full'], `${method} ${path}`)
  }
  // Larger than the limit, so that the upload itself does not fit.
  const large = await tarOf(
    Array.from({ length: 600 }, (_, n) => ({
      path: `${n}.png`,
      content: Buffer.concat([images[0]!, Buffer.alloc(20_000)]),
    })),
  )
  assert.deepEqual(
    (await ask(service, 'POST', '/galleries/g/ingest', 'application/x-tar', large)).answer.code,
    'storage_full',
  )
  assert.deepEqual(await readdir(join(dataDir, 'spool')), [job.id], 'a refused upload leaves nothing')

  const { count } = (await ask(service, 'GET', '/galleries/g')).answer
  assert.ok(count >= refused)
  assert.equal((await ask(service, 'POST', '/galleries/g/search?imageId=p4&includeSelf=true')).status, 200)
  const before = (await ask(service, 'GET', `/jobs/${job.id}`)).answer
  assert.ok(['queued', 'running'].includes(before.state), 'not even its failure could be stored')

  await limitFileSize(service.pid, 'unlimited')
  assert.equal((await put(service, refused)).status, 201)
  const after = await untilJob(service, job.id, ({ state }) => state === 'succeeded' || state === 'failed')
  assert.deepEqual([after.state, after.done], ['succeeded', 200])
  assert.equal(await service.stop('SIGKILL'), 'SIGKILL')

  const again = await startProcess(t, environment)
  await expectReading(again, refused + 1 + 200, refused)
  assert.equal(await again.stop('SIGTERM'), 0)
})

test('a full disk: writes are refused, reads continue, also after a kill, and deleting a snapshot makes room', async (t) => {
  const disk = await smallDisk(t, 48 * 2 ** 20)
  if (disk === undefined) return t.skip('this user may not mount a disk')
  const environment = {
    DATA_DIR: join(disk, 'data'),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    EXACT_BELOW: '20',
    GRAPH_CACHE_AFTER_SECONDS: '1',
  }
  let service = await startProcess(t, environment)
  assert.equal((await ask(service, 'PUT', '/galleries/g')).status, 201)
  for (let n = 0; n < 30; n++) assert.equal((await put(service, n)).status, 201)
  const { answer: snapshot } = await ask(service, 'POST', '/snapshots')
  for (let state = 'writing'; state === 'writing'; await sleep(20))
    state = (await ask(service, 'GET', `/snapshots/${snapshot.id}`)).answer.state

  await fillDisk(disk)
  const stored = await putUntilFull(service, 30)
  await expectReading(service, stored)
  const { status, answer } = await ask(service, 'POST', '/snapshots')
  assert.deepEqual([status, answer.code], [507, 'storage_full'])
  assert.deepEqual(await readdir(join(environment.DATA_DIR, 'snapshots')), [snapshot.id], 'no incomplete snapshot')

  assert.equal(await service.stop('SIGKILL'), 'SIGKILL')
  service = await startProcess(t, environment)
  await expectReading(service, stored)
  // The graph of a changed gallery is due now and does not fit, which is only logged.
  for (
    let waited = 0;
    waited < 20_000 &&
    !service.log.some(({ msg }) => msg === 'graph cache not written' || msg === 'graph cache written');
    waited += 100
  )
    await sleep(100)
  await expectReading(service, stored)

  assert.equal(await service.stop('SIGTERM'), 0)
  service = await startProcess(t, environment)
  await expectReading(service, stored)
  assert.equal((await ask(service, 'DELETE', `/snapshots/${snapshot.id}`)).status, 204)
  assert.equal((await put(service, stored)).status, 201, 'there is room again')
  await expectReading(service, stored + 1)
  assert.equal(await service.stop('SIGTERM'), 0)
  service = await startProcess(t, environment)
  await expectReading(service, stored + 1)
  assert.equal(await service.stop('SIGTERM'), 0)
})

/** What must hold if the service was started without any space. */
async function expectReadOnly(service: ServiceProcess, stored: number, last = stored - 1): Promise<void> {
  await expectReading(service, stored, last)
  const ready = (await (await fetch(`${service.address}/readyz`)).json()) as { storage: string; detail: string }
  assert.deepEqual([ready.storage, /opened without room/.test(ready.detail)], ['read_only', true])
  assert.match(await (await fetch(`${service.address}/metrics`)).text(), /^alike_storage_read_only 1$/m)
  assert.ok(service.log.some(({ msg }) => msg === 'the data folder is full: it is opened read-only'))
  for (const path of [
    '/galleries',
    '/galleries/g/images?limit=3',
    '/galleries/g/labels',
    '/jobs',
    '/snapshots',
    '/galleries/g/images/p0',
  ]) {
    assert.equal((await ask(service, 'GET', path)).status, 200, path)
  }
  const thumbnail = await fetch(`${service.address}/v1/galleries/g/images/p0/thumbnail`)
  assert.deepEqual([thumbnail.status, thumbnail.headers.get('content-type')], [200, 'image/jpeg'])
  assert.equal(
    (
      await ask(
        service,
        'POST',
        `/galleries/g/search?k=5&filter=${encodeURIComponent('{"field":"label","in":[null]}')}`,
        'image/png',
        images[1],
      )
    ).answer.hits.length,
    5,
  )
  for (const [method, path, type, body] of [
    ['PUT', '/galleries/g/images/new', 'image/png', images[1]],
    ['PUT', '/galleries/other'],
    ['DELETE', '/galleries/g/images/p0'],
    ['PATCH', '/galleries/g/images/p0', 'application/json', Buffer.from('{"label":"x"}')],
    ['POST', '/galleries/g/doctor'],
    ['POST', '/snapshots'],
  ] as const) {
    const { status, answer, retryAfter } = await ask(service, method, path, type, body)
    assert.deepEqual([status, answer.code, Number(retryAfter) >= 1], [507, 'storage_full', true], `${method} ${path}`)
  }
}

async function expectRecovery(service: ServiceProcess, stored: number): Promise<void> {
  for (let waited = 0; waited < 30_000 && (await put(service, stored)).status !== 201; waited += 200) await sleep(200)
  await expectReading(service, stored + 1)
  assert.deepEqual(await (await fetch(`${service.address}/readyz`)).json(), { status: 'ok', storage: 'writable' })
  assert.match(await (await fetch(`${service.address}/metrics`)).text(), /^alike_storage_read_only 0$/m)
  assert.ok(service.log.some(({ msg }) => msg === 'there is space again: accepting writes'))
}

for (const end of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a start while no file may grow, after ${end}: searches and look-ups work, and writes again once files may grow`, async (t) => {
    const dataDir = await temporaryFolder(t)
    const environment = {
      DATA_DIR: dataDir,
      MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
      EXACT_BELOW: '20',
    }
    let service = await startProcess(t, environment)
    assert.equal((await ask(service, 'PUT', '/galleries/g')).status, 201)
    for (let n = 0; n < 30; n++) assert.equal((await put(service, n)).status, 201)
    await service.stop(end)
    // The log's index is the first thing that does not fit.
    await rm(join(dataDir, 'alike.db-shm'), { force: true })
    if (!(await mayLimitFileSize())) return t.skip('prlimit is missing')
    assert.equal(await new Reserve(dataDir).take(), true)

    service = await startProcess(t, environment, { fileMaxBytes: 4_096 })
    await expectReadOnly(service, 30)
    assert.ok(
      !service.log.some(({ msg }) => msg === 'there is space again: accepting writes'),
      'the reserve was no help',
    )
    await limitFileSize(service.pid, 'unlimited')
    await expectRecovery(service, 30)
    assert.equal(await service.stop('SIGTERM'), 0)

    service = await startProcess(t, environment)
    await expectReading(service, 31)
    assert.equal(await service.stop('SIGTERM'), 0)
  })
}

for (const [end, limit, fill] of [
  ['SIGTERM', 'bytes', fillDisk],
  ['SIGKILL', 'bytes', fillDisk],
  ['SIGTERM', 'files', takeAllFiles],
] as const) {
  test(`a start on a disk without ${limit} left, after ${end}: searches and look-ups work, and writes again when there is room`, async (t) => {
    const disk = await smallDisk(t, 48 * 2 ** 20, { files: 400 })
    if (disk === undefined) return t.skip('this user may not mount a disk')
    const environment = {
      DATA_DIR: join(disk, 'data'),
      MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
      EXACT_BELOW: '20',
    }
    let service = await startProcess(t, environment)
    assert.equal((await ask(service, 'PUT', '/galleries/g')).status, 201)
    for (let n = 0; n < 30; n++) assert.equal((await put(service, n)).status, 201)
    const entries = Array.from({ length: 120 }, (_, n) => ({
      path: `job/${n}.png`,
      content: images[n % images.length]!,
    }))
    const { answer: job } = await ask(service, 'POST', '/galleries/g/ingest', 'application/x-tar', await tarOf(entries))
    await service.stop(end)
    await rm(join(environment.DATA_DIR, 'alike.reserve'), { force: true }) // on a busy machine there is one by now
    if (end === 'SIGKILL') await rm(join(environment.DATA_DIR, 'alike.db-shm'))

    let stored = 0
    for (const last of end === 'SIGTERM' && limit === 'bytes' ? [false, true] : [true]) {
      const free = await fill(disk)
      service = await startProcess(t, environment)
      stored = (await ask(service, 'GET', '/galleries/g')).answer.count
      await expectReadOnly(service, stored, 29)
      assert.ok(
        ['queued', 'running'].includes((await ask(service, 'GET', `/jobs/${job.id}`)).answer.state),
        'the job waits',
      )
      if (!last) assert.equal(await service.stop('SIGTERM'), 0) // and started once more in that state
      await free()
    }
    const ended = await untilJob(service, job.id, ({ state }) => state === 'succeeded' || state === 'failed')
    assert.deepEqual([ended.state, ended.done], ['succeeded', 120])
    await expectReading(service, 150, 29)
    assert.equal(await service.stop('SIGTERM'), 0)
  })
}

test('a start without space: a deletion gets the room kept for it, and only deletions do, also after a kill', async (t) => {
  const disk = await smallDisk(t, 96 * 2 ** 20)
  if (disk === undefined) return t.skip('this user may not mount a disk')
  const environment = {
    DATA_DIR: join(disk, 'data'),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    ORIGINALS: 'keep',
  }
  let service = await startProcess(t, environment)
  const keepsQueries = Buffer.from(JSON.stringify({ keepQueries: 9 }))
  assert.equal((await ask(service, 'PUT', '/galleries/g', 'application/json', keepsQueries)).status, 201)
  for (let n = 0; n < 30; n++) assert.equal((await put(service, n)).status, 201)
  await until(() => statSync(join(environment.DATA_DIR, 'alike.reserve'), { throwIfNoEntry: false }), 'room is kept')
  const many = Array.from({ length: 400 }, (_, n) => ({ path: `${n}.png`, content: images[n % images.length]! }))
  assert.equal((await ask(service, 'PUT', '/galleries/h')).status, 201)
  const posted = await ask(service, 'POST', '/galleries/h/ingest', 'application/x-tar', await tarOf(many))
  await service.stop('SIGTERM')
  const free = await fillDisk(disk)

  const expectOnlyDeletions = async (id: string) => {
    assert.equal((await ask(service, 'DELETE', `/galleries/g/images/${id}`)).status, 204)
    const ready = (await (await fetch(`${service.address}/readyz`)).json()) as { storage: string; detail: string }
    assert.deepEqual([ready.storage, /Only deletions/.test(ready.detail)], ['read_only', true])
    const originals = await readdir(join(environment.DATA_DIR, 'originals'), { recursive: true })
    assert.deepEqual((await put(service, 35)).answer.code, 'storage_full')
    assert.equal(
      (await ask(service, 'POST', '/galleries/g/ingest', 'application/x-tar', tar)).answer.code,
      'storage_full',
    )
    assert.deepEqual(await readdir(join(environment.DATA_DIR, 'originals'), { recursive: true }), originals)
    assert.equal((await ask(service, 'POST', '/galleries/g/search', 'image/png', images[0])).status, 200)
    await until(() => service.log.some(({ msg }) => msg === 'a query could not be kept'), 'that the query is not kept')
    assert.equal(statSync(join(environment.DATA_DIR, 'queries'), { throwIfNoEntry: false }), undefined)
  }
  const tar = await tarOf([{ path: 'p.png', content: images[0]! }])
  service = await startProcess(t, environment)
  assert.equal((await put(service, 35)).answer.code, 'storage_full')
  await expectOnlyDeletions('p3')
  assert.ok(service.log.some(({ msg }) => msg === 'the data folder is full: only deletions are accepted'))
  const cancelled = await ask(service, 'DELETE', `/jobs/${posted.answer.id}`)
  assert.deepEqual([cancelled.status, cancelled.answer.state], [200, 'cancelled'])
  await service.stop('SIGKILL')
  service = await startProcess(t, environment)
  await expectOnlyDeletions('p4')
  assert.equal((await ask(service, 'GET', '/galleries/g')).answer.count, 28)

  await free()
  await until(async () => (await put(service, 35)).status === 201, 'writes are accepted again')
  assert.ok(service.log.some(({ msg }) => msg === 'there is space again: accepting writes'))
  assert.equal(await service.stop('SIGTERM'), 0)
})

test('a data folder that is new, or from an older version, is not opened without free space', async (t) => {
  if (!(await mayLimitFileSize())) return t.skip('prlimit is missing')
  const dataDir = await temporaryFolder(t)
  const environment = { DATA_DIR: dataDir, MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder }
  const { code, output } = await runToExit(environment, { fileMaxBytes: 1_024 })
  assert.equal(code, 1)
  assert.match(output, /storage_full: .*no space for a new/)
  const service = await startProcess(t, environment)
  assert.equal((await ask(service, 'PUT', '/galleries/g')).status, 201)
  assert.equal(await service.stop('SIGTERM'), 0)

  storeTexts(dataDir, {}) // as an older version would have left it
  const older = await runToExit(environment, { fileMaxBytes: 1_024 })
  assert.equal(older.code, 1)
  assert.match(older.output, /storage_full: .*older version/)
  const upgraded = await startProcess(t, environment)
  assert.equal((await ask(upgraded, 'GET', '/galleries/g')).answer.count, 0)
  assert.equal(await upgraded.stop('SIGTERM'), 0)
})

test('a snapshot that runs out of space is reported as failed, and leaves nothing behind', async (t) => {
  const dataDir = await temporaryFolder(t)
  const environment = { DATA_DIR: dataDir, MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder }
  const service = await startProcess(t, environment)
  assert.equal((await ask(service, 'PUT', '/galleries/g')).status, 201)
  for (let n = 0; n < 40; n++) assert.equal((await put(service, n)).status, 201)
  // Existing data may stay, but it cannot be copied.
  if (!(await limitFileSize(service.pid, 64 * 1024))) return t.skip('prlimit is missing')
  const { answer: snapshot } = await ask(service, 'POST', '/snapshots')
  let { answer } = await ask(service, 'GET', `/snapshots/${snapshot.id}`)
  for (; answer.state === 'writing'; await sleep(20))
    ({ answer } = await ask(service, 'GET', `/snapshots/${snapshot.id}`))
  assert.deepEqual([answer.state, answer.failure?.code], ['failed', 'storage_full'])
  assert.deepEqual(await readdir(join(dataDir, 'snapshots')), [])
  await expectReading(service, 40)

  await limitFileSize(service.pid, 'unlimited')
  const { answer: second } = await ask(service, 'POST', '/snapshots')
  for (let state = 'writing'; state === 'writing'; await sleep(20))
    ({ state } = (await ask(service, 'GET', `/snapshots/${second.id}`)).answer)
  assert.equal((await ask(service, 'GET', `/snapshots/${second.id}`)).answer.state, 'ready')
  assert.equal(await service.stop('SIGTERM'), 0)
})

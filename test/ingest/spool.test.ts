import assert from 'node:assert/strict'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { type SharedUploads, Spool } from '../../src/ingest/spool.js'
import { smallDisk } from '../support/full-disk.js'
import { syncedPaths } from '../support/synced-paths.js'
import { temporaryFolder } from '../support/temporary-folder.js'

function uploadsInMemory(): SharedUploads {
  const files = new Map<string, Buffer>()
  return {
    async put(jobId, file) {
      files.set(jobId, await readFile(file))
    },
    async putOnce(jobId, file) {
      if (files.has(jobId)) return false
      files.set(jobId, await readFile(file))
      return true
    },
    async get(jobId) {
      const bytes = files.get(jobId)
      return bytes && Readable.from([bytes])
    },
    async remove(jobId) {
      files.delete(jobId)
    },
    async *list() {
      for (const jobId of files.keys()) yield { jobId, putAt: new Date() }
    },
    areOwn: async () => true,
  }
}

test('a shared upload stays in no folder: neither where it was received, nor where its job ran', async (t) => {
  const shared = uploadsInMemory()
  const [receiver, worker] = [await temporaryFolder(t), await temporaryFolder(t)]
  const [received, run] = [new Spool(receiver, shared), new Spool(worker, shared)]
  const size = await received.receive('job', Readable.from([Buffer.from('pictures')]), 100)
  await received.share('job')
  assert.deepEqual(await readdir(join(receiver, 'spool')), [])
  await run.bring('job', size)
  assert.equal(await readFile(run.fileOf('job'), 'utf8'), 'pictures')
  await run.remove('job')
  assert.deepEqual(await readdir(join(worker, 'spool')), [])
  await assert.rejects(received.bring('job', size), { code: 'archive_unreadable' })
})

test('the process that received a shared upload can run its job too', async (t) => {
  const spool = new Spool(await temporaryFolder(t), uploadsInMemory())
  const size = await spool.receive('job', Readable.from([Buffer.from('pictures')]), 100)
  await spool.share('job')
  await spool.bring('job', size)
  assert.equal(await readFile(spool.fileOf('job'), 'utf8'), 'pictures')
})

test('a process that another one may take over from keeps no copy of a shared upload, and fetches it again', async (t) => {
  const folder = await temporaryFolder(t)
  const spool = new Spool(folder, uploadsInMemory())
  const size = await spool.receive('job', Readable.from([Buffer.from('pictures')]), 100)
  await spool.share('job')
  await spool.bring('job', size)
  await spool.leave('job')
  assert.deepEqual(await readdir(join(folder, 'spool')), [])
  await spool.bring('job', size)
  assert.equal(await readFile(spool.fileOf('job'), 'utf8'), 'pictures')
})

test('a shared upload that its store returns differently is refused', async (t) => {
  const shared = uploadsInMemory()
  const received = await new Spool(await temporaryFolder(t), shared).receive('job', Readable.from(['pictures']), 100)
  const spool = new Spool(await temporaryFolder(t), { ...shared, get: async () => Readable.from(['picturez']) })
  await assert.rejects(spool.bring('job', received), { code: 'archive_unreadable', message: /damaged in storage/ })
})

test('a shared upload or list that the disk has no place for holds no connection to its store', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'spool'), '') // as a disk without inodes
  const opened: Readable[] = []
  const get = async () => {
    opened.push(Readable.from(['pictures']))
    return opened.at(-1)
  }
  const spool = new Spool(folder, { ...uploadsInMemory(), get })
  await assert.rejects(spool.bring('job', {}))
  await assert.rejects(spool.list('job', lines('x'), signal))
  assert.deepEqual(
    opened.filter(({ destroyed }) => !destroyed),
    [],
  )
})

test('a shared upload larger than the room on the disk is not fetched, and leaves nothing behind', async (t) => {
  const folder = await smallDisk(t, 2 ** 20)
  if (folder === undefined) return t.skip('only root may mount a disk')
  const shared = uploadsInMemory()
  const received = new Spool(await temporaryFolder(t), shared)
  const bytes = Buffer.alloc(3 * 2 ** 20, 1)
  const size = await received.receive('job', Readable.from([bytes]), bytes.length)
  await received.share('job')
  const spool = new Spool(folder, shared)
  await assert.rejects(spool.bring('job', size), { code: 'storage_full', detail: /3145728 bytes/ })
  await assert.rejects(spool.list('listed', lines('x'.repeat(3 * 2 ** 20)), signal), { code: 'storage_full' })
  assert.deepEqual(await readdir(join(folder, 'spool')), [])
})

test('a job can be stopped while its upload is verified', async (t) => {
  const folder = await temporaryFolder(t)
  const size = await new Spool(folder).receive('job', Readable.from([Buffer.from('pictures')]), 100)
  const spool = new Spool(folder)
  await assert.rejects(spool.bring('job', size, AbortSignal.abort(new Error('stopped'))), { message: 'stopped' })
  await spool.bring('job', size)
})

test('the only copy of an upload stays as long as its job, also if uploads are shared from now on', async (t) => {
  const folder = await temporaryFolder(t)
  const before = new Spool(folder)
  const size = await before.receive('job', Readable.from([Buffer.from('pictures')]), 100)
  await before.share('job')
  for (const spool of [before, new Spool(folder, uploadsInMemory())]) {
    await spool.bring('job', size)
    await spool.leave('job')
    await spool.bring('job', size)
    assert.equal(await readFile(spool.fileOf('job'), 'utf8'), 'pictures')
  }
})

const { signal } = new AbortController()
async function* lines(text: string) {
  yield Buffer.from(text)
}

test('whoever lists a bucket for a job, all processes read the list that was stored first', async (t) => {
  const shared = uploadsInMemory()
  const [one, two] = [new Spool(await temporaryFolder(t), shared), new Spool(await temporaryFolder(t), shared)]
  let bothHaveBegun = () => {}
  const both = new Promise<void>((resolve) => {
    bothHaveBegun = resolve
  })
  // its lease is over, and it does not know yet
  const slow = async function* () {
    yield Buffer.from('listed by one')
    await both
  }
  const listing = one.list('job', slow(), signal)
  await two.list('job', lines('listed by two'), signal)
  bothHaveBegun()
  await listing
  for (const spool of [one, two]) assert.equal(await readFile(spool.fileOf('job'), 'utf8'), 'listed by two')
})

test('a process that died between sharing its list and reading it finds it again', async (t) => {
  const shared = uploadsInMemory()
  const dataDir = await temporaryFolder(t)
  await new Spool(dataDir, shared).list('job', lines('listed before'), signal)
  await rm(new Spool(dataDir).fileOf('job'))
  await new Spool(dataDir, shared).list('job', lines('listed after'), signal)
  assert.equal(await readFile(new Spool(dataDir).fileOf('job'), 'utf8'), 'listed before')
})

test('a process that has lost its job shares no list any more', async (t) => {
  const shared = uploadsInMemory()
  const lost = new AbortController()
  const listed = async function* () {
    yield Buffer.from('listed')
    lost.abort()
  }
  await assert.rejects(new Spool(await temporaryFolder(t), shared).list('job', listed(), lost.signal), {
    name: 'AbortError',
  })
  assert.equal(await shared.get('job'), undefined)
})

test('the folder of uploads is durable before the first one is acknowledged', async (t) => {
  const dataDir = await temporaryFolder(t)
  const synced = await syncedPaths(t)
  await new Spool(dataDir).receive('job', Readable.from([Buffer.from('pictures')]), 100)
  assert.ok(synced.includes(dataDir), synced.join())
})

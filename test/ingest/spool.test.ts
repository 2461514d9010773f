import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { type SharedUploads, Spool } from '../../src/ingest/spool.js'
import { temporaryFolder } from '../support/temporary-folder.js'

function uploadsInMemory(): SharedUploads {
  const files = new Map<string, Buffer>()
  return {
    async put(jobId, file) {
      files.set(jobId, await readFile(file))
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

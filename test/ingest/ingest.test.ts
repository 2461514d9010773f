import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import { Ingest, type IngestOptions } from '../../src/ingest/ingest.js'
import { type SharedUploads, Spool } from '../../src/ingest/spool.js'
import { temporaryFolder } from '../support/temporary-folder.js'

/** A bucket that has gone away after it took the upload. */
const lost: SharedUploads = {
  async put() {},
  putOnce: async () => true,
  get: async () => undefined,
  async remove() {
    throw new AlikeError('store_unreachable')
  },
  async *list() {},
  areOwn: async () => true,
}

async function ingestInto(t: TestContext, create: (job: { source: object }) => Promise<object>) {
  const warnings: string[] = []
  const ingest = new Ingest({
    jobs: { expectRoom: async () => {}, create },
    galleries: { sets: { serving: async () => {} } },
    spool: new Spool(await temporaryFolder(t), lost),
    logger: { warn: (_: object, message: string) => void warnings.push(message) },
    uploadMaxBytes: 100,
    ingestMaxBytes: 100,
    ingestMaxFiles: 10,
  } as unknown as IngestOptions)
  const accept = (line: string) =>
    ingest.accept({ gallery: 'g', content: { lines: Readable.from([Buffer.from(line)]) } })
  return { accept, warnings }
}

test('why an upload is refused is answered even if it cannot be deleted', async (t) => {
  const { accept, warnings } = await ingestInto(t, async () => {
    throw new AlikeError('gallery_not_found')
  })
  await assert.rejects(accept('{}'), { code: 'gallery_not_found' })
  assert.equal(warnings.length, 1)
})

test('an upload that is sent again gets its first job even if the second copy cannot be deleted', async (t) => {
  let first: object | undefined
  const { accept, warnings } = await ingestInto(t, async ({ source }) => {
    const created = first === undefined
    first ??= source
    return { created, job: { id: 'first', source: first }, pace: {} }
  })
  await accept('{}')
  assert.equal((await accept('{}')).job.id, 'first')
  await assert.rejects(accept('{ }'), { code: 'idempotency_key_reused' })
  assert.equal(warnings.length, 2)
})

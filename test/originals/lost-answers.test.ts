/** A bucket whose answers are lost after it has stored or removed something: what a caller is told is true, and repeating it is safe. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { S3Originals, s3Client } from '../../src/originals/s3-originals.js'
import { S3Uploads } from '../../src/originals/s3-uploads.js'
import { losingProxy } from '../support/losing-proxy.js'
import { newBucket, s3Connection, skipWithoutS3 } from '../support/s3-server.js'
import { temporaryFolder } from '../support/temporary-folder.js'

/** More than a client repeats. */
const all = Array.from({ length: 100 }, (_, n) => n)
const partBytes = 5 * 2 ** 20

/** Whether it succeeded. @throws unless it failed with `store_unreachable` */
async function isDone(work: Promise<unknown>): Promise<boolean> {
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (failure !== undefined) assert.equal((failure as { code?: string }).code, 'store_unreachable', String(failure))
  return failure === undefined
}

for (const [how, size] of [
  ['in one piece', 200_001],
  ['in parts', partBytes + 1],
] as const)
  test(`uploads ${how}`, { skip: skipWithoutS3 }, async (t) => {
    const connection = await s3Connection()
    const proxy = await losingProxy(t, connection.endpoint)
    const client = s3Client({ ...connection, endpoint: proxy.url })
    t.after(() => client.destroy())
    const uploads = new S3Uploads({ client, bucket: await newBucket('lost'), prefix: 'uploads/', partBytes })
    const folder = await temporaryFolder(t)
    const [file, other] = [join(folder, 'file'), join(folder, 'other')]
    const bytes = randomBytes(size)
    await writeFile(file, bytes)
    await writeFile(other, randomBytes(size))
    const storedAs = async (jobId: string) => buffer((await uploads.get(jobId))!)
    for (const lost of how === 'in parts' ? [[0], [1], [2], [3], all] : [[0], all]) {
      const id = `lost-${lost.length}-${lost[0]}`
      for (const put of ['put', 'putOnce'] as const) {
        const jobId = `${put}-${id}`
        proxy.lose(...lost)
        const done = await isDone(uploads[put](jobId, file))
        t.diagnostic(
          `${put}, ${lost.length > 1 ? 'all answers' : `answer ${lost[0]} of ${proxy.changes}`} lost: ${done}`,
        )
        proxy.lose()
        if (!done) await uploads.put(jobId, file)
        assert.deepEqual(await storedAs(jobId), bytes)
        assert.equal(await uploads.putOnce(jobId, other), false)
        assert.deepEqual(await storedAs(jobId), bytes)
        proxy.lose(...lost)
        const removed = await isDone(uploads.remove(jobId))
        assert.equal(removed, lost !== all)
        proxy.lose()
        if (!removed) await uploads.remove(jobId)
        assert.equal(await uploads.get(jobId), undefined)
      }
    }
  })

test('originals', { skip: skipWithoutS3 }, async (t) => {
  const connection = await s3Connection()
  const proxy = await losingProxy(t, connection.endpoint)
  const originals = new S3Originals({
    bucket: await newBucket('lost'),
    prefix: 'alike/',
    ...connection,
    endpoint: proxy.url,
  })
  for (const lost of [[0], [1], all]) {
    const bytes = randomBytes(10_000)
    const hash = createHash('sha256').update(bytes).digest('hex')
    proxy.lose(...lost)
    assert.equal(await isDone(originals.put(hash, bytes)), lost !== all)
    proxy.lose()
    await originals.put(hash, bytes)
    assert.equal(await originals.size(hash), bytes.length)
    proxy.lose(...lost)
    const later = new Date(Date.now() + 60_000)
    assert.equal(await isDone(originals.remove(hash, later)), lost !== all)
    proxy.lose()
    await originals.remove(hash, later)
    assert.equal(await originals.size(hash), undefined)
  }
})

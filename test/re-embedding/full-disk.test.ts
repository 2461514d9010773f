/**
 * A full disk while another set is built: searches continue, uploads are refused as a whole, and the set is completed
 * once there is space.
 */
import assert from 'node:assert/strict'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { tarOf } from '../support/archives.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { fillDisk, smallDisk } from '../support/full-disk.js'
import { handmadeModel, writeHandmadeModel } from '../support/handmade-onnx.js'
import { startProcess } from '../support/service-process.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

const gallery = '/galleries/g'
/** More than two groups of a job. */
const pictures = 120

interface Job {
  id: string
  state: string
  added: number
  done: number
  finishedAt: string | null
}
interface Sets {
  sets: { state: string; count: number; modelId: string }[]
}

test('a set is completed although its disk was full midway, and no partial picture is kept', async (t) => {
  const disk = await smallDisk(t, 48 * 2 ** 20)
  if (disk === undefined) return t.skip('this user may not mount a disk')
  const models = await temporaryFolder(t)
  await mkdir(join(models, 'other'))
  const other = await writeHandmadeModel(join(models, 'other'), { inputSize: 16, dimension: 12, name: 'other' })
  const service = await startProcess(t, {
    DATA_DIR: join(disk, 'data'),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    MODELS_DIR: models,
  })
  async function ask<Given = { code: string }>(method: string, path: string, body?: Buffer | object, type?: string) {
    const sent = body instanceof Buffer ? new Uint8Array(body) : body && JSON.stringify(body)
    const headers = { 'content-type': type ?? 'application/json' }
    const response = await fetch(`${service.address}/v1${path}`, { method, ...(sent && { body: sent, headers }) })
    const text = await response.text()
    return { status: response.status, given: (text === '' ? {} : JSON.parse(text)) as Given }
  }
  const jobOf = async ({ id }: Pick<Job, 'id'>) => (await ask<Job>('GET', `/jobs/${id}`)).given
  const ended = (job: Pick<Job, 'id'>) =>
    until(async () => {
      const now = await jobOf(job)
      return now.finishedAt !== null && now
    }, 'the end of the job')

  const waitsForRoom = async () => {
    const metrics = await (await fetch(`${service.address}/metrics`)).text()
    return /^alike_jobs_without_room\{kind="re-embedding"\} 1$/m.test(metrics)
  }

  await ask('PUT', gallery)
  const entries = await Promise.all(
    Array.from({ length: pictures }, async (_, n) => ({
      path: `${n}.png`,
      content: await drawImage(drawnLabels[n % drawnLabels.length]!, n + 1, { width: 48, height: 48, format: 'png' }),
    })),
  )
  const ingest = await ask<Job>('POST', `${gallery}/ingest`, await tarOf(entries), 'application/x-tar')
  assert.equal((await ended(ingest.given)).added, pictures)

  const payload = { model: 'other', ratePerSecond: 24 }
  const { given: job } = await ask<Job>('POST', `${gallery}/sets`, payload)
  await until(async () => (await jobOf(job)).added > 0, 'the first group')
  const filesKept = async () => {
    const entries = await readdir(join(disk, 'data', 'originals'), { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  }
  const kept = await filesKept()
  const makeRoom = await fillDisk(disk)
  const large = await drawImage(drawnLabels[0]!, 9_999, { width: 1_200, height: 1_200, format: 'png' })
  const refused = await until(async () => {
    const answer = await ask('PUT', `${gallery}/images/large`, large, 'image/png')
    return answer.status !== 201 && answer
  }, 'a refusal')
  assert.deepEqual([refused.status, refused.given.code], [507, 'storage_full'])
  const search = { imageId: '7.png', includeSelf: true, k: 3 }
  assert.equal((await ask('POST', `${gallery}/search`, search)).status, 200)
  const before = await jobOf(job)
  assert.ok(before.added < pictures, `${before.added} pictures were in the other set before the disk was full`)
  assert.deepEqual((await filesKept()).toSorted(), kept.toSorted())

  await until(waitsForRoom, 'the metric')
  await makeRoom()
  assert.equal((await ended(job)).state, 'succeeded', 'it has waited')
  assert.equal(await waitsForRoom(), false)
  const { sets } = (await ask<Sets>('GET', `${gallery}/sets`)).given
  assert.deepEqual(
    sets.map(({ state, count }) => [state, count]),
    [
      ['serving', pictures],
      ['ready', pictures],
    ],
  )
  const served = await ask<Sets>('PUT', `${gallery}/serving`, { model: other.manifest.id, force: true })
  assert.equal(served.status, 200)
  assert.equal((await ask<{ hits: object[] }>('POST', `${gallery}/search`, search)).given.hits.length, 3)
  assert.equal((await ask('PUT', `${gallery}/images/large`, large, 'image/png')).status, 201)
  assert.equal(await service.stop('SIGTERM'), 0)
})

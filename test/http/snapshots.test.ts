import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Static } from 'typebox'
import { makeKey } from '../../src/access/api-keys.js'
import { restoreSnapshot } from '../../src/backups/restore.js'
import type { Snapshot } from '../../src/http/schemas/snapshot.js'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { runCommand } from '../support/run-command.js'
import { until } from '../support/until.js'

type View = Static<typeof Snapshot>
const jpeg = { 'content-type': 'image/jpeg' }

function ready(app: TestApp, id: string): Promise<View> {
  return until(async () => {
    const view = await app.call<View>(200, { url: `/v1/snapshots/${id}` })
    return view.state !== 'writing' && view
  }, 'the end of the snapshot')
}

async function putImages(app: TestApp, count: number): Promise<void> {
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  for (let i = 0; i < count; i++)
    await app.call(201, {
      method: 'PUT',
      url: `/v1/galleries/g/images/p${i}?label=l`,
      headers: jpeg,
      payload: await drawImage('circle', i + 1),
    })
}

test('backup and restore by command: a service on the restored folder finds every picture', async (t) => {
  const modelDir = (await handmadeModel(t, { dimension: 24 })).folder
  const app = await startApp(t, { modelDir })
  await putImages(app, 5)
  const archive = join(await temporaryFolder(t), 'alike.tar')
  const backup = await runCommand('cli/backup', ['--url', await app.listen(), '--to', archive])
  assert.deepEqual([backup.code, /galleries: 1, pictures: 5/.test(backup.output)], [0, true], backup.output)
  assert.deepEqual(
    (await app.call<{ snapshots: View[] }>(200, { url: '/v1/snapshots' })).snapshots,
    [],
    'it is not kept there',
  )

  const dataDir = join(await temporaryFolder(t), 'restored')
  const restore = await runCommand('cli/restore', [archive, '--data-dir', dataDir])
  assert.deepEqual([restore.code, /galleries: 1, pictures: 5/.test(restore.output)], [0, true], restore.output)
  const again = await runCommand('cli/restore', [archive, '--data-dir', dataDir])
  assert.deepEqual([again.code, /^restore_refused: .*it contains alike/.test(again.output)], [1, true], again.output)

  const restored = await startApp(t, { modelDir, dataDir })
  for (let i = 0; i < 5; i++) {
    const { hits } = await restored.call(200, {
      method: 'POST',
      url: '/v1/galleries/g/search?k=1',
      headers: jpeg,
      payload: await drawImage('circle', i + 1),
    })
    assert.deepEqual([hits[0]?.id, hits[0]?.label], [`p${i}`, 'l'])
  }
})

test('a snapshot is started, inspected, downloaded and deleted', async (t) => {
  const app = await startApp(t)
  await putImages(app, 2)
  const begun = await app.app.inject({ method: 'POST', url: '/v1/snapshots' })
  assert.equal(begun.statusCode, 202)
  const { id } = begun.json<View>()
  assert.equal(begun.headers.location, `/v1/snapshots/${id}`)
  const view = await ready(app, id)
  assert.deepEqual(
    [view.state, view.share, view.images, view.galleries[0]?.name, view.files[0]?.name],
    ['ready', 1, 2, 'g', 'alike.db'],
  )

  const archive = await app.app.inject(`/v1/snapshots/${id}/archive`)
  assert.deepEqual(
    [archive.statusCode, archive.headers['content-type'], archive.headers['content-disposition']],
    [200, 'application/x-tar', `attachment; filename="${id}.tar"`],
  )
  assert.equal(Number(archive.headers['content-length']), archive.rawPayload.length)
  assert.ok(archive.rawPayload.includes(await readFile(join(app.config.dataDir, 'snapshots', id, 'alike.db'))))

  assert.match((await app.app.inject('/metrics')).body, /alike_data_snapshots_total\{outcome="ready"\} 1\n/)
  assert.match((await app.app.inject('/metrics')).body, /alike_data_snapshot_newest_timestamp_seconds 1[0-9]{9}/)
  assert.equal((await app.app.inject({ method: 'DELETE', url: `/v1/snapshots/${id}` })).statusCode, 204)
  for (const url of [`/v1/snapshots/${id}`, `/v1/snapshots/${id}/archive`])
    assert.equal((await app.call(404, { url })).code, 'snapshot_not_found')
  for (const url of ['/v1/snapshots/..%2f..', '/v1/snapshots/alike.db/archive'])
    assert.equal((await app.call(400, { url })).code, 'request_invalid')
})

test('too many are refused', async (t) => {
  const app = await startApp(t, { dataSnapshotsMax: 1 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const { id } = await app.call<View>(202, { method: 'POST', url: '/v1/snapshots' })
  const { code } = await app.call(409, { method: 'POST', url: '/v1/snapshots' })
  assert.ok(['snapshot_under_way', 'snapshots_full'].includes(code))
  await ready(app, id)
  assert.equal((await app.call(409, { method: 'POST', url: '/v1/snapshots' })).code, 'snapshots_full')
})

test('a client that leaves during a download does no harm', async (t) => {
  const app = await startApp(t)
  await putImages(app, 3)
  const { id } = await app.call<View>(202, { method: 'POST', url: '/v1/snapshots' })
  await ready(app, id)
  const port = Number(new URL(await app.listen()).port)
  const asked = httpRequest({ port, path: `/v1/snapshots/${id}/archive` }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  await once(response, 'data')
  asked.destroy()
  const whole = await app.app.inject(`/v1/snapshots/${id}/archive`)
  assert.equal(whole.statusCode, 200)
})

test('only an administrator may see or create snapshots', async (t) => {
  const [writer, admin] = [makeKey('w', 'write'), makeKey('o', 'admin')]
  const app = await startApp(t, { apiKeys: `${writer.line},${admin.line}` })
  const id = '20260301T093000Z-aaaaaa'
  const requests = [
    ['POST', '/v1/snapshots'],
    ['GET', '/v1/snapshots'],
    ['GET', `/v1/snapshots/${id}`],
    ['GET', `/v1/snapshots/${id}/archive`],
    ['DELETE', `/v1/snapshots/${id}`],
  ] as const
  for (const [method, url] of requests) {
    const ask = async (key: string) =>
      (await app.app.inject({ method, url, headers: { authorization: `Bearer ${key}` } })).statusCode
    assert.equal(await ask(writer.key), 403)
    assert.notEqual(await ask(admin.key), 403)
  }
  await app.close() // stops the snapshot in progress before its folder is removed
})

test('an unfinished job is reported as failed after a restore, because its upload is not part of a snapshot', async (t) => {
  const modelDir = (await handmadeModel(t, { dimension: 24 })).folder
  const app = await startApp(t, { modelDir })
  await putImages(app, 1)
  await app.parts.jobs.store.create({ id: 'left', gallery: 'g', source: { kind: 'tar' } })
  const { id } = await app.call<View>(202, { method: 'POST', url: '/v1/snapshots' })
  await ready(app, id)
  const dataDir = join(await temporaryFolder(t), 'restored')
  await restoreSnapshot(join(app.config.dataDir, 'snapshots', id), dataDir)
  const restored = await startApp(t, { modelDir, dataDir })
  const stateOf = async () => (await restored.call<{ state: string }>(200, { url: '/v1/jobs/left' })).state
  await until(async () => (await stateOf()) === 'failed')
  const job = await restored.call<{ state: string; failure: { code: string; detail: string } }>(200, {
    url: '/v1/jobs/left',
  })
  assert.deepEqual([job.state, job.failure.code], ['failed', 'archive_unreadable'])
  assert.match(job.failure.detail, /upload is gone/)
})

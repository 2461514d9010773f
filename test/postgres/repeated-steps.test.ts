/** Steps of a job whose pictures are stored, and whose commit or lock is lost: repeated, and counted once. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { type Cut, cuttingProxy } from '../support/cutting-proxy.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { until } from '../support/until.js'
import { newDatabase } from './shared-stores.js'

type Job = Answer['jobs'][number]
const pictures = 150
/** In a statement of the transaction that counts a step, and of no other one of a running job. */
const countsStep = 'SELECT uid FROM alike.gallery WHERE name'

async function sendPictures({ call }: TestApp): Promise<Job> {
  const drawn = await Promise.all(
    drawnLabels.map(async (label) =>
      (await drawImage(label, 1, { width: 16, height: 16, format: 'png' })).toString('base64'),
    ),
  )
  const lines = Array.from({ length: pictures }, (_, n) => ({
    add: { id: `p${n}`, image: n === 5 ? 'bm90IGEgcGljdHVyZQ==' : drawn[n % drawn.length] },
  }))
  return sendLines({ call }, lines)
}

function sendLines({ call }: Pick<TestApp, 'call'>, lines: object[]): Promise<Job> {
  return call<Job>(202, {
    method: 'POST',
    url: '/v1/galleries/g/ingest',
    headers: { 'content-type': 'application/x-ndjson' },
    payload: lines.map((line) => JSON.stringify(line)).join('\n'),
  })
}

async function ended({ app }: TestApp, { id }: Job): Promise<Job> {
  return until(async () => {
    const answer = await app.inject({ method: 'GET', url: `/v1/jobs/${id}` })
    // a connection that was cut with the others may only now be found dead
    if (answer.statusCode === 503) return false
    assert.equal(answer.statusCode, 200, answer.body)
    const now = answer.json<Job>()
    assert.ok(now.done <= pictures, `${now.done} of ${pictures} are done`)
    return now.finishedAt !== null && now
  }, 'the end of the job')
}

async function started(t: TestContext) {
  const url = await newDatabase(t)
  if (url === undefined) return undefined
  const proxy = await cuttingProxy(t, url)
  const app = await startApp(t, { postgresUrl: proxy.url })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  return { app, proxy }
}

for (const [what, cut, away] of [
  ['whose commit was not answered, and whose lock was lost with it,', 'after', true],
  ['whose commit was not answered', 'after', false],
  ['whose commit did not reach the server', 'before', false],
] as [string, Cut, boolean][])
  test(`a step ${what} is counted once`, async (t) => {
    const { app, proxy } = (await started(t)) ?? {}
    if (app === undefined || proxy === undefined) return
    const job = await sendPictures(app)
    proxy.cutNext(cut, { away, of: countsStep })
    await until(() => proxy.cuts === 1, 'the cut')
    proxy.back()
    const { state, total, done, added, updated, skipped, failed } = await ended(app, job)
    assert.deepEqual([state, total, done, failed], ['completed_with_errors', pictures, pictures, 1])
    assert.equal(added + updated + skipped + failed, pictures)
    assert.equal((await app.call(200, { method: 'GET', url: '/v1/galleries/g' })).count, pictures - 1)
  })

test('a patch of a repeated step has the outcome that it had, although its picture has been deleted or stored since', async (t) => {
  const { app, proxy } = (await started(t)) ?? {}
  if (app === undefined || proxy === undefined) return
  const image = (await drawImage('circle', 1, { width: 16, height: 16, format: 'png' })).toString('base64')
  const ids = Array.from({ length: 20 }, (_, n) => `p${n}`)
  const add = (id: string) => ({ add: { id, image } })
  const patch = (id: string) => ({ patch: { id, label: 'patched' } })
  await ended(app, await sendLines(app, ids.map(add)))
  for (const cut of ['before', 'after'] as const) {
    const cuts: number = proxy.cuts
    // to be changed, refused, and changed
    const lines = ids.flatMap((id) => [patch(id), { delete: { id } }, patch(id), add(id), patch(id)])
    const sent = await sendLines(app, lines)
    proxy.cutNext(cut, { of: countsStep })
    const job = await ended(app, sent)
    assert.equal(proxy.cuts, cuts + 1)
    assert.deepEqual([job.done, job.failed], [lines.length, ids.length], JSON.stringify(job))
    const report: string[] = (await app.app.inject(`/v1/jobs/${job.id}/errors`)).body.split('\n').filter(Boolean)
    assert.deepEqual(
      report.map((line) => (JSON.parse(line) as { item: number }).item),
      ids.map((_, n) => 5 * n + 2),
    )
  }
  const { images } = await app.call(200, { method: 'GET', url: '/v1/galleries/g/images' })
  assert.deepEqual(
    images.map(({ label }) => label),
    ids.map(() => 'patched'),
  )
})

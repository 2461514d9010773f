/** Uploads that do not go as planned: nothing is lost unseen, and what was not sent can be sent again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestApp } from '../../support/app.js'
import { drawImage } from '../../support/drawn-images.js'
import { drop, expectNone, failing, holding, opened, problem, skip } from './small-gallery.js'

const files = '.upload input[type=file] >> nth=0'

async function pictures(...names: string[]) {
  const buffer = await drawImage('square', 9)
  return names.map((name) => ({ name, mimeType: 'image/png', buffer }))
}

test('files dropped while an upload runs are refused, not ignored', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const held = holding()
  await page.route('**/v1/galleries/g/ingest', held.handler)
  await page.goto(`${base}#/gallery/g`)
  await page.setInputFiles(files, await pictures('a'))
  await page.waitForSelector('text=0 of 1 files sent')
  await drop(page, '.upload', [{ name: 'b.png', type: 'image/png' }])
  await page.waitForSelector('.toast >> text=An upload is under way')
  held.letThrough()
  await page.waitForSelector('text=1 stored')
})

test('files are taken wherever they are dropped on the screen, unless a dialog is open or they are pictures of the page', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  const file = { name: 'a.png', type: 'image/png' }
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.tile img')
  await page.dispatchEvent('.tile img', 'dragstart')
  await drop(page, '.grid-frame', [file])
  await page.dispatchEvent('.tile img', 'dragend')
  await page.click('text=Settings')
  await page.waitForSelector('dialog')
  await drop(page, 'dialog', [file])
  await page.keyboard.press('Escape')
  await page.waitForSelector('dialog', { state: 'detached' })
  await expectNone(page, 'text=files sent')
  await expectNone(page, 'text=0 stored, 1 failed')
  await drop(page, '.grid-frame', [file])
  await page.waitForSelector('text=0 stored, 1 failed')
  await page.goto(`${base}#/search/g`)
  await page.waitForSelector('.hit img')
  await drop(page, '.search-results', [file])
  await page.waitForSelector('.search-results [role=alert]')
})

test('what was not sent because a call failed is listed with the reason, and can be sent again', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await page.route(
    '**/v1/galleries/g/ingest',
    failing(1, (route) => route.fulfill(problem)),
  )
  await page.goto(`${base}#/gallery/g`)
  await page.setInputFiles(files, await pictures('a', 'b'))
  await page.waitForSelector('.upload [role=alert] >> text=It broke.')
  await page.waitForSelector('text=0 stored, 2 failed')
  await page.click('text=Send only these again')
  await page.waitForSelector('text=2 stored')
  await expectNone(page, '.upload [role=alert]')
})

test('an archive that is refused is told with the reason, and does not keep back the other files', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.setInputFiles(files, [
    { name: 'holidays.zip', mimeType: 'application/zip', buffer: Buffer.from('no archive') },
    ...(await pictures('a')),
  ])
  await page.waitForSelector('text=1 stored, 1 failed')
  await page.waitForSelector('.upload-errors li >> text=The archive is damaged or of an unknown type.')
  await expectNone(page, '.upload-errors >> text=not sent')
})

test('of an upload that ended early, every picture that was not stored can be sent again', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const counts = {
    done: 1,
    added: 1,
    updated: 0,
    skipped: 0,
    failed: 0,
    replaced: 0,
    total: 3,
    share: 1,
    paused: false,
    picturesPerSecond: null,
    secondsLeft: null,
    finishedAt: '2026-01-01T00:00:00Z',
  }
  for (const [state, failure] of [
    ['failed', { code: 'storage_full', detail: 'The disk is full.' }],
    ['cancelled', null],
  ] as const) {
    const job = { id: 'j', kind: 'ingest', gallery: 'g', state, failure, ...counts }
    await page.route('**/v1/galleries/g/ingest', (route) => route.fulfill({ status: 202, json: job }))
    await page.route('**/v1/jobs/j/events', (route) => route.fulfill({ status: 204 }))
    await page.route('**/v1/jobs/j', (route) => route.fulfill({ json: job }))
    await page.goto(`${base}#/gallery/g`)
    await page.setInputFiles(files, await pictures('a', 'b', 'c'))
    await page.waitForSelector('text=1 stored, 2 failed')
    await page.waitForSelector('.upload-errors li >> text=c')
    await page.unrouteAll()
    await page.click('text=Send only these again')
    await page.waitForSelector('text=2 stored')
    for (const id of ['b', 'c'])
      await page.evaluate(`fetch('v1/galleries/g/images/${id}', { method: 'DELETE' }).then(({ status }) => status)`)
  }
})

test('the result of an upload is told on whatever screen it ends', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const held = holding()
  await page.route('**/v1/galleries/g/ingest', held.handler)
  await page.goto(`${base}#/gallery/g`)
  await page.setInputFiles(files, await pictures('a'))
  await page.waitForSelector('text=0 of 1 files sent')
  await page.click('nav >> text=Search')
  await page.waitForSelector('.hit img')
  held.letThrough()
  await page.waitForSelector('.toast >> text=Upload to g: 1 stored')
})

test('an upload is still there, and can be stopped, when its screen is opened again', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const held = holding()
  const mayClose = "dispatchEvent(new Event('beforeunload', { cancelable: true }))"
  await page.route('**/v1/galleries/g/ingest*', held.handler)
  await page.goto(`${base}#/gallery/g`)
  await page.fill('.upload input[placeholder]', 'square')
  await page.setInputFiles(files, [
    ...(await pictures('a')),
    { name: 'broken.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('x') },
  ])
  await page.waitForSelector('text=0 of 2 files sent')
  await page.click('nav >> text=Search')
  await page.waitForSelector('.hit img')
  assert.equal(await page.evaluate(mayClose), false)
  await page.click('nav >> text=Gallery')
  await page.waitForSelector('.upload >> text=Stop')
  held.letThrough()
  await page.waitForSelector('text=1 stored, 1 failed')
  assert.equal(await page.evaluate(mayClose), true)
  await page.click('nav >> text=Search')
  await page.waitForSelector('.hit img')
  await page.click('nav >> text=Gallery')
  const sent = page.waitForRequest('**/ingest?label=square')
  await page.click('text=Send only these again')
  await sent
  await page.waitForSelector('text=0 stored, 1 failed')
  await page.click('[aria-label="Close the result"]')
  await expectNone(page, '.upload-errors')
})

test('if more pictures failed than are listed, their number is told', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.route('**/v1/galleries/g/ingest', (route) => route.fulfill(problem))
  await page.goto(`${base}#/gallery/g`)
  await page.setInputFiles(files, await pictures(...Array.from({ length: 203 }, (_, place) => String(place))))
  await page.waitForSelector('.upload-errors >> text=and 3 more')
})

test('files dropped beside the places for them do not replace the page', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.tile img')
  const isKept = (type: string, types: string[]) =>
    page.evaluate<boolean>(`{
      const event = new Event('${type}', { bubbles: true, cancelable: true })
      !document.querySelector('.tile').dispatchEvent(
        Object.assign(event, { dataTransfer: { types: ${JSON.stringify(types)} } }),
      )
    }`)
  for (const type of ['dragover', 'drop']) {
    assert.ok(await isKept(type, ['Files']), type)
    assert.ok(!(await isKept(type, ['text/plain'])), `${type} of a text, which a field may take`)
  }
})

test('an upload that is stopped is cancelled in the service too', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const job = { id: 'j', kind: 'ingest', state: 'running', finishedAt: null, done: 1, total: 2, share: 0.5, failed: 0 }
  await page.route('**/v1/galleries/g/ingest', (route) => route.fulfill({ status: 202, json: job }))
  await page.route('**/v1/jobs/j/events', () => {})
  const cancelled = page.waitForRequest(
    (request) => request.method() === 'DELETE' && /\/v1\/jobs\/j$/.test(request.url()),
  )
  await page.goto(`${base}#/gallery/g`)
  const followed = page.waitForRequest('**/v1/jobs/j/events')
  await page.setInputFiles(files, await pictures('a', 'b'))
  await followed
  await page.click('.upload >> text=Stop')
  await cancelled
  await page.waitForSelector('.toast >> text=The upload was stopped')
})

/** Stores pictures as a job with these counts would. */
function storing(app: TestApp, counts: { added: number; done: number }): (id: string) => Promise<void> {
  return async (id) => {
    const payload = await drawImage('square', Number(id))
    const headers = { 'content-type': 'image/jpeg' }
    await app.call(201, { method: 'PUT', url: `/v1/galleries/new/images/${id}`, payload, headers })
    counts.added = ++counts.done
  }
}

test('the wall fills while an upload goes on, and a selection stays', { skip }, async (t) => {
  const { page, base, app, expectQuiet } = await opened(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/new' })
  const pace = { total: 3, share: 0.3, picturesPerSecond: null, secondsLeft: null }
  const job = { id: 'j', kind: 'ingest', finishedAt: null as string | null, failed: 0, skipped: 0, ...pace }
  const counts = { added: 0, updated: 0, done: 0, replaced: 0, state: 'running' }
  await page.route('**/v1/galleries/new/ingest', (route) => route.fulfill({ status: 202, json: job }))
  await page.route('**/v1/jobs/j/events', (route) => route.fulfill({ status: 204 }))
  await page.route('**/v1/jobs/j', (route) => route.fulfill({ json: { ...job, ...counts } }))
  const store = storing(app, counts)
  await page.goto(`${base}#/gallery/new`)
  await page.waitForSelector('text=There are no pictures yet')
  await page.setInputFiles(files, await pictures('1', '2', '3'))
  await store('1')
  await page.waitForSelector('#tile-0 img')
  await page.click('#tile-0')
  await store('2')
  await page.waitForSelector('#tile-1 img')
  await page.waitForSelector('.upload >> text=Stop')
  await store('3')
  Object.assign(counts, { state: 'succeeded' })
  job.finishedAt = '2026-01-01T00:00:00Z'
  await page.waitForSelector('text=3 stored')
  await page.waitForSelector('.toolbar >> text=3 pictures')
  await page.waitForSelector('#tile-0[aria-selected=true]')
  expectQuiet()
})

test('a job that an earlier visit has sent is shown, can be paused, and fills the wall', { skip }, async (t) => {
  const { page, base, app, expectQuiet } = await opened(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/new' })
  const pace = { total: 2, share: 0.3, picturesPerSecond: null, secondsLeft: null, paused: false }
  const job = { id: 'j', kind: 'ingest', gallery: 'new', state: 'running', failed: 0, skipped: 0, updated: 0, ...pace }
  const counts = { added: 0, done: 0, finishedAt: null as string | null }
  const jobs = () => (counts.finishedAt === null ? [{ ...job, ...counts }] : [])
  await page.route('**/v1/jobs?*', (route) => route.fulfill({ json: { jobs: jobs() } }))
  await page.route('**/v1/jobs/j/events', (route) => route.fulfill({ status: 204 }))
  await page.route('**/v1/jobs/j', (route) => route.fulfill({ json: { ...job, ...counts } }))
  const store = storing(app, counts)
  await page.goto(`${base}#/gallery/new`)
  await page.waitForSelector('.upload >> text=running · 0 of 2')
  await page.waitForSelector('.upload >> text=Pause')
  await store('1')
  await page.waitForSelector('#tile-0 img')
  await page.locator('.gallery-choice option', { hasText: 'new (1)' }).waitFor({ state: 'attached' })
  await store('2')
  counts.finishedAt = '2026-01-01T00:00:00Z'
  await page.waitForSelector('#tile-1 img')
  await page.waitForSelector('.upload .job-progress', { state: 'detached' })
  expectQuiet()
})

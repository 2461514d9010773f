/** What asks, and what can be done while it asks; and what a key may not do is not offered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeKey } from '../../../src/access/api-keys.js'
import { startApp } from '../../support/app.js'
import { drawImage } from '../../support/drawn-images.js'
import { openBrowser, openPage } from './chromium.js'
import { expectNone, opened, skip } from './small-gallery.js'
import { untilTold } from './walk.js'

test('a deletion can be undone while a dialog is open, and after it was closed', { skip }, async (t) => {
  const { page, base, expectQuiet } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  for (const closed of [false, true]) {
    await page.click('#tile-0')
    await page.click('.selection-panel >> text=Delete')
    await untilTold(page, '.toolbar', /5 pictures/)
    await page.click('.toolbar >> text=Settings')
    await page.hover('dialog .toast')
    if (closed) await page.click('dialog [aria-label=Close]')
    await page.click('.toast >> text=Undo')
    await untilTold(page, '.toolbar', /6 pictures/)
    await page.keyboard.press('Escape')
    await expectNone(page, '.toast')
  }
  expectQuiet()
})

test('of copies, the others are removed unless that is undone', { skip }, async (t) => {
  const { page, base, app } = await opened(t)
  const copies = { id: 'copy', image: await drawImage('circle', 0) }
  await app.call(201, {
    method: 'PUT',
    url: `/v1/galleries/g/images/${copies.id}`,
    payload: copies.image,
    headers: { 'content-type': 'image/jpeg' },
  })
  await page.goto(`${base}#/quality/g`)
  await page.click('.views >> text=Copies')
  await page.click('text=Look for copies')
  await page.click('.finding >> text=Keep only this')
  await untilTold(page, '[role=status]', /1 group decided/)
  await expectNone(page, '.finding')
  await page.click('.toast >> text=Undo')
  await page.waitForSelector('.finding')
  assert.equal((await app.call(200, { url: '/v1/galleries/g' })).count, 7)
  const sent = page.waitForRequest((request) => /\/decisions$/.test(request.url()) && request.method() === 'POST')
  await page.click('.finding >> text=Keep only this')
  assert.equal((await (await sent).response())!.status(), 201)
  assert.equal((await app.call(200, { url: '/v1/galleries/g' })).count, 6)
})

test('a set of embeddings is removed once that was confirmed', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const set = { modelId: 'm', engine: 'embedded', state: 'kept', count: 6, keptUntil: '2026-12-01T00:00:00Z' }
  await page.route('**/v1/galleries/g/sets', async (route) => {
    const { sets } = await (await route.fetch()).json()
    await route.fulfill({ json: { sets: [...sets, set] } })
  })
  const removed: string[] = []
  await page.route('**/v1/galleries/g/sets/*', (route) => {
    removed.push(`${route.request().method()} ${new URL(route.request().url()).pathname}`)
    return route.fulfill({ status: 204 })
  })
  await page.goto(`${base}#/networks/g`)
  await page.click('.set >> text=Remove')
  await untilTold(page, 'dialog', /can no longer be rolled back to it: 6 pictures/)
  await page.click('dialog >> text=Keep it')
  await expectNone(page, 'dialog')
  assert.deepEqual(removed, [])
  await page.click('.set >> text=Remove')
  await page.click('dialog .danger')
  await expectNone(page, 'dialog')
  await page.waitForTimeout(200)
  assert.deepEqual(removed, ['DELETE /v1/galleries/g/sets/m'])
})

test('jobs that only admins may steer are not offered to other keys', { skip }, async (t) => {
  const keys = { write: makeKey('writer', 'write'), admin: makeKey('admin', 'admin') }
  const app = await startApp(t, { apiKeys: `${keys.write.line},${keys.admin.line}` })
  const base = `${await app.listen()}/`
  const browser = await openBrowser(t)
  for (const [role, mayMove] of [
    ['write', false],
    ['admin', true],
  ] as const) {
    const { page, allow } = await openPage(browser, base)
    allow(/401|403/)
    await page.route('**/v1/jobs?*', (route) =>
      route.fulfill({ json: { jobs: [jobOf('move'), jobOf('re-embedding'), jobOf('ingest')] } }),
    )
    await page.goto(`${base}#/operation`)
    await page.fill('input[type=password]', keys[role].key)
    await page.click('text=Use this key')
    await page.waitForSelector('tbody tr >> nth=2')
    const cancelOf = (kind: string) => page.locator(`tr:has(th:text-is("${kind}")) button:has-text("Cancel")`)
    if (mayMove) await page.waitForSelector('tr:has(th:text-is("move")) button:enabled')
    else await untilTold(page, 'tbody tr', /moveg.*needs a key with the role admin/)
    assert.equal(await cancelOf('move').isEnabled(), mayMove, `${role}: move`)
    assert.equal(await cancelOf('re-embedding').isEnabled(), mayMove, `${role}: re-embedding`)
    assert.equal(await cancelOf('ingest').isEnabled(), true, `${role}: ingest`)
    await page.context().close()
  }
})

function jobOf(kind: string) {
  return {
    id: kind,
    kind,
    gallery: 'g',
    state: 'running',
    paused: false,
    createdAt: '2026-01-01T00:00:00Z',
    startedAt: '2026-01-01T00:00:00Z',
    finishedAt: null,
    done: 1,
    total: 9,
    share: 0.1,
    skipped: 0,
    failed: 0,
    picturesPerSecond: null,
    secondsLeft: null,
    failure: null,
  }
}

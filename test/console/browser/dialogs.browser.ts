/** What asks, and what can be done while it asks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawImage } from '../../support/drawn-images.js'
import { expectNone, opened, passTimeToUndo, skip } from './small-gallery.js'
import { untilTold } from './walk.js'

test('a deletion can be undone while a dialog is open, and after it was closed', { skip }, async (t) => {
  const { page, base, expectQuiet } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  for (const closed of [false, true]) {
    await page.click('#tile-0')
    await page.click('.selection-panel .danger')
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
  await page.clock.install()
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
  await passTimeToUndo(page)
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

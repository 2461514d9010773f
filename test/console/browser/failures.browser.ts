/** What the console shows when a call fails, and that it is right again once calls succeed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawImage } from '../../support/drawn-images.js'
import { expectNone, failing, opened, passTimeToUndo, problem, skip, withCopies, withMap } from './small-gallery.js'
import { until, untilCounted, untilTold } from './walk.js'

test('Back leaves a console that chose the gallery itself', { skip }, async (t) => {
  const { page, base, expectQuiet } = await opened(t)
  await page.goto('about:blank')
  await page.goto(base)
  await page.waitForSelector('.hit img')
  await page.goBack()
  assert.equal(page.url(), 'about:blank')
  expectQuiet()
})

test('after a reload the same picture can be given again', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const picture = { name: 'image.png', mimeType: 'image/png', buffer: await drawImage('circle', 1) }
  await page.goto(base)
  await page.setInputFiles('.query input[type=file]', picture)
  await page.waitForSelector('.score')
  await page.reload()
  await page.waitForSelector('text=This page no longer has the picture')
  await page.setInputFiles('.query input[type=file]', picture)
  await page.waitForSelector('.score')
})

test('pictures or labels that cannot be loaded are an error, not an empty gallery', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.route('**/v1/galleries/g/images?*', (route) => route.fulfill(problem))
  await page.goto(base)
  await page.waitForSelector('[role=alert] >> text=It broke.')
  await expectNone(page, 'text=This gallery is empty')
  await page.unroute('**/v1/galleries/g/images?*')

  await page.route('**/v1/galleries/g/labels*', (route) => route.fulfill(problem))
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('[role=alert] >> text=It broke.')
  await page.unroute('**/v1/galleries/g/labels*')

  await page.route('**/v1/galleries/g/layout*', (route) => route.fulfill(problem))
  await page.goto(`${base}#/map/g`)
  await page.waitForSelector('[role=alert] >> text=It broke.')
  await expectNone(page, 'text=This gallery has no map yet')
})

test('whatever could not be loaded can be loaded again where that is told', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await withMap(page, ['0', '1', '2'])
  for (const [screen, call, shows] of [
    ['search/g?id=0', '**/v1/galleries/g/search', '.score'],
    ['search/g', '**/v1/galleries/g/images?*', '.hit img'],
    ['gallery/g', '**/v1/galleries/g/images?*', '.tile img'],
    ['quality/g', '**/v1/jobs?*', 'text=Each labelled picture queries all others'],
    ['map/g', '**/v1/galleries/g/layout*', '.map-canvas'],
    ['networks/g', '**/v1/models', '.set'],
  ] as const) {
    await page.goto('about:blank')
    await page.route(call, (route) => route.fulfill(problem), { times: 1 })
    await page.goto(`${base}#/${screen}`)
    await page.waitForSelector('[role=alert] >> text=It broke.')
    await page.click('[role=alert] >> text=Try again')
    await page.waitForSelector(shows)
    await expectNone(page, '[role=alert]')
  }
})

test('what would only be refused again is not offered again', { skip }, async (t) => {
  const { page, base } = await opened(t)
  for (const [address, told] of [
    ['search/g?id=nobody', 'There is no such picture in this gallery.'],
    ['search/g?picture=gone', 'This page no longer has the picture'],
    ['gallery/g?filter=bad', 'The filter is malformed.'],
    ['match/g?id=0&hit=nobody', 'There is no such picture in this gallery.'],
  ] as const) {
    await page.goto(`${base}#/${address}`)
    await page.waitForSelector(`[role=alert] >> text=${told}`)
    await expectNone(page, 'text=Try again')
  }
  await page.goto(`${base}#/search/g`)
  const broken = { name: 'notes.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('notes') }
  await page.setInputFiles('.query input[type=file]', broken)
  await page.waitForSelector('[role=alert] >> text=This is not a complete picture')
  await expectNone(page, 'text=Try again')
})

test('an analysis that is refused can be requested again where it was, and only there', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.route('**/v1/galleries/g/evaluate', (route) => route.fulfill(problem), { times: 1 })
  await page.goto(`${base}#/quality/g`)
  await page.click('text=Evaluate')
  await page.waitForSelector('[role=alert] >> text=It broke.')
  await expectNone(page, 'text=Try again')
  await page.click('text=Evaluate')
  await page.waitForSelector('.plot canvas')
  await expectNone(page, '[role=alert]')
})

test('a wall that cannot be loaded claims no number of pictures, and what failed takes no room for more', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await page.route('**/v1/galleries/g/*', (route) => route.fulfill(problem))
  await page.goto(`${base}#/gallery/g`)
  const { height } = (await page.locator('[role=alert]').boundingBox())!
  assert.ok(height < 120, `${height} pixels`)
  await expectNone(page, '.toolbar >> text=0 pictures')
})

test('why something failed is told until that is closed, once for each reason', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.clock.install()
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.score')
  await page.route('**/v1/galleries/g/feedback', (route) => route.fulfill(problem))
  for (let time = 0; time < 2; time++) {
    const refused = page.waitForResponse('**/v1/galleries/g/feedback')
    await page.locator('.verdict-right').nth(time).click()
    await refused
  }
  await page.waitForSelector('.toast-fault >> text=It broke.')
  await page.clock.fastForward(60_000)
  assert.equal(await page.locator('.toast').count(), 1)
  await page.click('.toast >> text=Close')
  await expectNone(page, '.toast')
})

test('an analysis that is refused leaves what was found before', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await withCopies(page, ['0', '1'])
  await page.route('**/v1/galleries/g/duplicates', (route) => route.fulfill(problem))
  await page.goto(`${base}#/quality/g?view=copies`)
  await page.click('text=Look for copies again')
  await page.waitForSelector('[role=alert] >> text=It broke.')
  await page.waitForSelector('.finding')
})

test('a number of hits that cannot be asked for does not stay in its field', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/search/g?id=0&k=1000`)
  await page.waitForSelector('.score')
  const field = '.controls input[type=number]'
  for (const [typed, taken] of [
    ['5000', '1000'],
    ['', '1000'],
    ['7.5', '7'],
  ] as const) {
    await page.fill(field, typed)
    await page.press(field, 'Enter')
    await until(page, `document.querySelector('${field}').value === '${taken}'`)
  }
})

test('of a group of copies all pictures can be seen before one is kept', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const ids = Array.from({ length: 20 }, (_, place) => String(place))
  await withCopies(page, ids)
  await page.goto(`${base}#/quality/g?view=copies`)
  await page.click('.finding >> text=Show all 20')
  await untilCounted(page, '.finding >> text=Keep only this', 20)
  await expectNone(page, 'text=Show all')
})

test('a legend says how many labels are not in it', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const points = Array.from({ length: 38 }, (_, place) => ({ id: `${place}`, x: 0, y: 0, label: `${place}`, doubt: 0 }))
  const layout = { points, pictures: 38, stale: false, madeAt: '2026-01-01T00:00:00Z' }
  await page.route('**/v1/galleries/g/layout*', (route) => route.fulfill({ json: layout }))
  await page.goto(`${base}#/map/g`)
  await page.waitForSelector('.legend >> text=6 more labels')
})

test('every page of labels is loaded', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.route('**/v1/galleries/g/labels*', (route) => {
    const url = new URL(route.request().url())
    url.searchParams.set('limit', '1')
    return route.continue({ url: url.href })
  })
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.toolbar >> text=6 pictures')
  assert.equal(await page.locator('.toolbar option').count(), 4)
})

test('every page of a wall is loaded', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.route('**/v1/galleries/g/images?*', (route) => {
    const url = new URL(route.request().url())
    url.searchParams.set('limit', '2')
    return route.continue({ url: url.href })
  })
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('#tile-5 img')
})

test('a screen that could not be loaded does not take the place of the next one', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.route('**/map-screen*.js', (route) => route.abort())
  await page.goto(base)
  await page.click('nav >> text=Map')
  await page.waitForSelector('[role=alert] >> text=This screen cannot be loaded')
  await page.click('nav >> text=Gallery')
  await page.waitForSelector('.tile img')
  await expectNone(page, '[role=alert]')
  await page.click('nav >> text=Map')
  await page.waitForSelector('[role=alert]')
  await page.unroute('**/map-screen*.js')
  await page.click('text=Reload the page')
  await page.waitForSelector('text=This gallery has no map yet')
})

test('a gallery that was deleted meanwhile is offered no longer once a call has missed it', { skip }, async (t) => {
  const { page, base, app } = await opened(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/another' })
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.score')
  await app.call(204, { method: 'DELETE', url: '/v1/galleries/g' })
  await page.locator('.verdict-right').first().click()
  await untilTold(page, 'main', /There is no gallery called g\. Choose another one above\./)
  assert.doesNotMatch((await page.locator('.gallery-choice option').allTextContents()).join(), /\bg \(/)
})

test('a screen opened while the service cannot be reached is shown, with its style, once it can', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/search/g`)
  await page.waitForSelector('.hit img')
  await page.context().setOffline(true)
  await page.click('nav >> text=Gallery')
  await page.waitForSelector('text=The service cannot be reached')
  await expectNone(page, 'text=This screen cannot be loaded')
  await page.context().setOffline(false)
  await page.waitForSelector('.tile img')
  assert.equal(await page.evaluate("getComputedStyle(document.querySelector('.grid-row')).display"), 'grid')
})

test('a job is followed through a restart of the service', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.route(
    '**/v1/jobs/*/events',
    failing(2, (route) => route.abort()),
  )
  await page.route(
    '**/v1/jobs/*',
    failing(2, (route) => route.abort()),
  )
  await page.goto(`${base}#/quality/g`)
  await page.click('text=Evaluate')
  await page.waitForSelector('.plot canvas')
  await expectNone(page, '[role=alert]')
})

test('a job is followed by browsers that cannot iterate over a stream, such as Safari', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.addInitScript(
    'delete ReadableStream.prototype[Symbol.asyncIterator]; delete ReadableStream.prototype.values',
  )
  await page.goto(`${base}#/quality/g`)
  await page.click('text=Evaluate')
  await page.waitForSelector('.plot canvas')
})

test('pictures that were not deleted come back with the reason', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const job = {
    id: 'j',
    state: 'failed',
    failed: 0,
    finishedAt: '2026-01-01T00:00:00Z',
    failure: { detail: 'Cut off.' },
  }
  await page.route('**/v1/galleries/g/ingest', (route) => route.fulfill({ status: 202, json: job }))
  await page.route('**/v1/jobs/j/events', (route) => route.fulfill({ status: 204 }))
  await page.route('**/v1/jobs/j', (route) => route.fulfill({ json: job }))
  await page.clock.install()
  await page.goto(`${base}#/gallery/g`)
  await page.click('#tile-1')
  await page.click('.selection-panel .danger')
  await passTimeToUndo(page)
  await page.waitForSelector('.toast >> text=Not all could be deleted: Cut off.')
  await page.waitForSelector('#tile-5 img')
})

test('a dropped file that cannot be read is an error', { skip }, async (t) => {
  const { page, base, expectQuiet } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.upload')
  await page.evaluate(`{
    const file = (_, refuse) => refuse(new DOMException('The file has gone.', 'NotFoundError'))
    const items = [{ webkitGetAsEntry: () => ({ isFile: true, fullPath: '/a.jpg', file }) }]
    const drop = new Event('drop', { bubbles: true, cancelable: true })
    document.querySelector('.upload').dispatchEvent(Object.assign(drop, { dataTransfer: { types: ['Files'], items } }))
  }`)
  await page.waitForSelector('.upload [role=alert] >> text=The file has gone.')
  expectQuiet()
})

test('a copy that is removed at the second attempt leaves no error behind', { skip }, async (t) => {
  const { page, base } = await opened(t)
  let gallery: object = {}
  await page.route('**/v1/galleries/g', async (route) => {
    gallery = { ...(await (await route.fetch()).json()), move: { engine: 'other', state: 'kept', images: 6 } }
    await route.fulfill({ json: gallery })
  })
  let attempts = 0
  await page.route('**/v1/galleries/g/sets/*', (route) => route.fulfill(++attempts === 1 ? problem : { status: 204 }))
  await page.goto(`${base}#/gallery/g`)
  await page.click('.toolbar >> text=Settings')
  await page.click('dialog >> text=Remove the copy')
  await page.click('dialog dialog .danger')
  await page.waitForSelector('dialog [role=alert]')
  await page.click('dialog >> text=Remove the copy')
  await page.click('dialog dialog .danger')
  await page.waitForSelector('dialog [role=alert]', { state: 'detached' })
})

test('a replaced picture is shown as it is now', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('#tile-0 img')
  const picture = { name: '0', mimeType: 'image/png', buffer: await drawImage('square', 9) }
  const shown = () => page.locator('#tile-0 img').getAttribute('src')
  const before = await shown()
  await page.setInputFiles('.upload input[type=file] >> nth=0', picture)
  await page.waitForSelector('text=1 stored')
  await page.waitForSelector(`#tile-0 img:not([src="${before}"])`)
})

test('a hit for a region is not judged, and counts are in the singular', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(base)
  await page.setInputFiles('.query input[type=file]', {
    name: 'image.png',
    mimeType: 'image/png',
    buffer: await drawImage('circle', 1),
  })
  await page.waitForSelector('.verdict-right')
  await page.press('.region-frame', 'ArrowLeft')
  await page.waitForSelector('.verdict-right', { state: 'detached' })
  await page.waitForSelector('.hit-actions a')

  await page.goto(`${base}#/gallery/g`)
  await page.click('#tile-1')
  await page.click('.selection-panel .danger')
  await page.waitForSelector('.toast >> text=1 picture deleted.')
})

test('a filter that is refused is an error with its reason, not a gallery without matches', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g?filter=bad`)
  await page.waitForSelector('[role=alert] >> text=The filter is malformed. It is no JSON.')
  await expectNone(page, 'text=0 pictures found')
  await expectNone(page, 'text=No picture has this label')
})

test('a service that cannot be reached is called so, and every screen goes on by itself once it can be', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await page.clock.install()
  await page.route(/\/v1\b/, (route) => route.abort())
  await page.goto(base)
  await page.waitForSelector('[role=alert] >> text=cannot be reached')
  for (let time = 0; time < 4; time++) {
    const asked = page.waitForRequest('**/v1')
    await page.clock.fastForward(30_000)
    await asked
  }
  const asked = page.waitForRequest('**/v1')
  await page.click('text=Try now')
  await asked
  await page.unrouteAll()
  await page.clock.fastForward(30_000)
  await page.waitForSelector('.hit img')
  await expectNone(page, '[role=alert]')

  await withMap(page, ['0', '1', '2'])
  const screens = [
    ['gallery/g', '.tile img'],
    ['quality/g', 'text=Each labelled picture queries all others'],
    ['map/g', '.map-canvas'],
    ['networks/g', '.set'],
    ['operation/g', 'text=No jobs'],
    ['search/g?id=0', '.score'],
    ['search/g?id=1&k=3', '.score'],
  ] as const
  for (const [screen, shows] of screens) {
    await page.goto(`${base}#/${screen}`)
    await page.waitForSelector(shows)
  }
  for (const [screen, shows] of screens) {
    await page.unrouteAll()
    await page.route(/\/(v1|metrics)\b/, (route) => route.abort())
    await page.goto(`${base}#/${screen}`)
    await page.waitForSelector('[role=alert] >> text=cannot be reached')
    await page.unrouteAll()
    await withMap(page, ['0', '1', '2'])
    await page.waitForSelector(shows)
    await page.waitForSelector('[role=alert]', { state: 'detached' })
  }
})

test('a page that was hidden while the service was gone goes on when it is shown again', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.click('#tile-1')
  const hide = (hidden: boolean) =>
    page.evaluate(`{
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} })
      document.dispatchEvent(new Event('visibilitychange'))
    }`)
  await page.route('**/v1/**', (route) => route.fulfill({ status: 502, contentType: 'text/html', body: 'Bad gateway' }))
  await page.selectOption('.toolbar select', '=square')
  await page.waitForSelector('[role=alert] >> text=cannot be reached')
  await hide(true)
  await page.unroute('**/v1/**')
  let calls = 0
  page.on('request', () => void calls++)
  await page.clock.install()
  await page.clock.fastForward(120_000)
  assert.equal(calls, 0)
  await hide(false)
  await page.waitForSelector('text=2 pictures')
  await page.waitForSelector('[role=alert]', { state: 'detached' })
  await page.selectOption('.toolbar select', '')
  await page.waitForSelector('.selection-panel >> text=1 picture')
})

test('a gallery without pictures says so', { skip }, async (t) => {
  const { page, base, app } = await opened(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/empty' })
  await page.goto(`${base}#/gallery/empty`)
  await page.waitForSelector('text=There are no pictures yet')
  await page.goto(`${base}#/gallery/g?label=nobody`)
  await page.click('text=Show all pictures')
  await page.waitForSelector('.tile img')
})

test('in place of a gallery that does not exist another one can be chosen', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/nowhere`)
  await page.waitForSelector('text=There is no gallery called nowhere')
  assert.equal(await page.locator('.gallery-choice option:checked').textContent(), 'Choose a gallery')
  await page.selectOption('.gallery-choice select', 'g')
  await page.waitForSelector('.tile img')
})

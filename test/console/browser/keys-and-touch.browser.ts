/** The console without a mouse: keys that belong to the browser, a phone, a camera, and the titles of a history. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { drawImage } from '../../support/drawn-images.js'
import { until as untilAsked } from '../../support/until.js'
import { drop, holding, onDecision, opened, skip, withCopies, withMap } from './small-gallery.js'
import { until, untilTold } from './walk.js'

/** Whether the page keeps a key from the browser. */
async function takes(page: Page, init: { key: string; altKey?: boolean; ctrlKey?: boolean }): Promise<boolean> {
  const event = JSON.stringify({ ...init, bubbles: true, cancelable: true })
  return await page.evaluate<boolean>(`!document.activeElement.dispatchEvent(new KeyboardEvent('keydown', ${event}))`)
}

test('Alt with an arrow goes back on every screen, and Control with plus zooms the page', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await withMap(page, ['0', '1', '2'])
  const picture = { name: 'image.png', mimeType: 'image/png', buffer: await drawImage('circle', 1) }
  const expectLeft = async (selector: string, keys: readonly string[]) => {
    await page.locator(selector).first().focus()
    for (const key of keys) {
      assert.ok(await takes(page, { key }), `${selector}: ${key}`)
      await page.locator(selector).first().focus()
      assert.ok(!(await takes(page, { key, altKey: true })), `${selector}: Alt ${key}`)
      assert.ok(!(await takes(page, { key, ctrlKey: true })), `${selector}: Control ${key}`)
    }
  }
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.score')
  await expectLeft('.hit-picture', ['ArrowRight'])
  await page.setInputFiles('.query input[type=file]', picture)
  await page.waitForSelector('.region-frame img')
  await expectLeft('.region-frame', ['ArrowLeft'])
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.tile img')
  await expectLeft('.grid-frame', ['ArrowLeft'])
  await page.goto(`${base}#/map/g`)
  await page.waitForSelector('.map-canvas')
  await expectLeft('.map-frame', ['ArrowLeft', '+', '0'])
})

test('up and down lead to the hit above or below, from a short row too', { skip }, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 1130, height: 900 } })
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.hit >> nth=4')
  const focused = "[...document.querySelectorAll('.hit-picture')].indexOf(document.activeElement)"
  await page.locator('.hit-picture').last().focus()
  assert.equal(await page.evaluate(focused), 4)
  const above = await page.evaluate(`(() => {
    const [images, { left }] = [[...document.querySelectorAll('.hit-picture')], document.activeElement.getBoundingClientRect()]
    return images.findIndex((one) => one.getBoundingClientRect().left === left)
  })()`)
  assert.notEqual(above, 4, 'there are two rows')
  await page.keyboard.press('ArrowUp')
  assert.equal(await page.evaluate(focused), above)
})

test('a query is expanded from the keyboard of a phone, and stays so when the page is loaded again', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
  const asked: unknown[] = []
  await page.route('**/v1/galleries/g/search', (route) => {
    asked.push(route.request().postDataJSON().expand)
    return route.continue()
  })
  await page.goto(`${base}#/search/g?id=0`)
  await page.tap('text=Search options')
  const field = page.getByLabel('Expand by best hits')
  for (const [typed, becomes, isSent] of [
    ['3', '3', 3],
    ['250', '100', 100],
    ['2.7', '2', 2],
    ['', '2', 2],
    ['-1', '2', 2],
    ['0', '0', undefined],
    ['5', '5', 5],
  ] as const) {
    await field.fill(typed)
    await field.press('Enter')
    await until(page, `document.activeElement.value === '${becomes}'`)
    await until(page, `/[?&]expand=/.test(location.hash) === ${isSent !== undefined}`)
    await untilAsked(() => asked.length > 0 && asked.at(-1) === isSent, `${typed} is asked for`)
    await until(page, "document.querySelector('.score') && !document.querySelector('[aria-busy=true]')")
  }
  await field.press('ArrowUp')
  await until(page, "location.hash.includes('expand=6')")
  await page.reload()
  await page.tap('text=Search options')
  assert.equal(await field.inputValue(), '6')
  await page.tap('text=Only near-copies')
  await until(page, "location.hash.includes('copies=1') && !document.querySelector('[aria-busy=true]')")
  await untilAsked(() => asked.at(-1) === undefined, 'the query is asked for without expansion')
  assert.equal(await field.isDisabled(), true)
  await page.tap('text=Only near-copies')
  await until(page, "!location.hash.includes('copies=1') && !document.querySelector('[aria-busy=true]')")
  await untilAsked(() => asked.at(-1) === 6, 'the query is asked for with expansion again')
  assert.equal(await field.isDisabled(), false)
  const beyond = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  assert.ok(beyond <= 0, `${beyond} pixels beyond the edge`)
})

test('what is being typed stays when the hits arrive', { skip }, async (t) => {
  const { page, base } = await opened(t)
  let letThrough = () => {}
  const arrived = new Promise<void>((resolve) => (letThrough = resolve))
  await page.route('**/v1/galleries/g/search', async (route) => {
    await arrived
    await route.continue()
  })
  const filter = encodeURIComponent(JSON.stringify({ field: 'label', equals: 'circle' }))
  await page.goto(`${base}#/search/g?id=0&filter=${filter}`)
  const typed = [
    [page.getByRole('spinbutton', { name: 'Hits', exact: true }), '7'],
    [page.getByRole('combobox', { name: 'Value' }), 'square'],
  ] as const
  for (const [field, text] of typed) {
    // as the keyboard does, without leaving the field
    await field.evaluate((input, value) => {
      Object.assign(input, { value })
      input.dispatchEvent(new Event('input', { bubbles: true }))
    }, text)
  }
  letThrough()
  await page.waitForSelector('.score')
  for (const [field, text] of typed) assert.equal(await field.inputValue(), text)
})

test('a phone can zoom the map', { skip }, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 390, height: 844 }, hasTouch: true })
  await withMap(page, ['0', '1', '2'])
  await page.goto(`${base}#/map/g`)
  await page.waitForSelector('.map-canvas')
  const image = () => page.evaluate<string>("document.querySelector('.map-canvas').toDataURL()")
  await page.waitForTimeout(1_000)
  const whole = await image()
  await page.tap('[aria-label="Zoom in"]')
  const closer = await image()
  assert.notEqual(closer, whole)
  await page.tap('[aria-label="Zoom out"]')
  await page.tap('[aria-label="Show all"]')
  await until(page, `document.querySelector('.map-canvas').toDataURL() !== ${JSON.stringify(closer)}`)
})

test('on a phone the hits begin on the first screen, each with its record, and nothing asks to drop', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
  await page.goto(`${base}#/search/g`)
  await page.waitForSelector('.hit img')
  assert.ok(!(await page.isVisible('.drop-hint')))
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.score')
  assert.ok(await page.isVisible('.hit-metadata >> text=1'))
  const { y, height } = (await page.locator('.hit-picture').first().boundingBox())!
  assert.ok(y + height < 844)
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.upload >> text=Add pictures')
  assert.ok(!(await page.isVisible('text=Drop pictures')))
})

test('two fingers zoom the map, one moves it, and a tap selects the picture under it', { skip }, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 390, height: 844 }, hasTouch: true })
  await withMap(page, ['0', '1', '2'])
  // they would change the image whenever one of them arrives
  await page.route('**/thumbnail', (route) => route.fulfill({ status: 404 }))
  await page.goto(`${base}#/map/g`)
  await page.waitForSelector('.map-canvas')
  await page.waitForTimeout(1_000)
  const image = () => page.evaluate<string>("document.querySelector('.map-canvas').toDataURL()")
  const { x, y, width, height } = (await page.locator('.map-canvas').boundingBox())!
  const middle = { x: x + width / 2, y: y + height / 2 }
  const touch = await page.context().newCDPSession(page)
  const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...offsets: number[]) =>
    touch.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: offsets.map((offset, id) => ({ x: middle.x + offset, y: middle.y, id })),
    })
  const whole = await image()
  await send('touchStart', -40)
  await send('touchStart', -40, 40)
  for (const apart of [50, 65, 80]) await send('touchMove', -apart, apart)
  await send('touchEnd')
  const pinched = await image()
  assert.notEqual(pinched, whole)
  await page.tap('[aria-label="Show all"]')
  await until(page, `document.querySelector('.map-canvas').toDataURL() === ${JSON.stringify(whole)}`)
  await send('touchStart', 0)
  await send('touchMove', 60)
  await send('touchEnd')
  assert.notEqual(await image(), whole)
  // not tapped: Chromium takes a tap after this for the end of a fling
  await page.click('[aria-label="Show all"]')
  await until(page, `document.querySelector('.map-canvas').toDataURL() === ${JSON.stringify(whole)}`)
  // the points are at -0.5, -0.3 and -0.1
  const scale = (Math.min(width, height) / 2) * 0.92
  await page.locator('.map-canvas').tap({ position: { x: width / 2 - 0.3 * scale, y: height / 2 } })
  await page.waitForSelector('[aria-label="Search with 1"]')
  await untilTold(page, '.selection-panel h2', /^1 picture$/)
})

test('no picture is taken before the camera shows one', { skip }, async (t) => {
  const { page, base, expectQuiet } = await opened(t)
  await page.addInitScript('navigator.mediaDevices.getUserMedia = () => new Promise(() => {})')
  await page.goto(base)
  await page.click('text=Camera')
  assert.ok(await page.isDisabled('text=Take the picture'))
  expectQuiet()
})

test('a dropped file of a type unknown to the browser is searched with, not ignored', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(base)
  await page.waitForSelector('.hit img')
  await drop(page, '.query', [{ name: 'a.heic', type: '' }])
  await page.waitForSelector('.search-results [role=alert]')
})

test('the title names the screen and the gallery, so that a history can be read', { skip }, async (t) => {
  const { page, base } = await opened(t)
  for (const [address, title] of [
    ['search/g', 'Search · g · Alike'],
    ['match/g?id=0&hit=1', 'Why this matched · g · Alike'],
    ['operation', 'Operation · g · Alike'],
  ] as const) {
    await page.goto(`${base}#/${address}`)
    await until(page, `document.title === ${JSON.stringify(title)}`)
  }
})

test('after a key has opened another screen, keys go on with that one', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/search/g?id=0`)
  await page.locator('.hit-picture').first().focus()
  await page.keyboard.press('w')
  await page.waitForSelector('text=Back to the hits')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Back to the hits')
})

test('a button that was pressed keeps the focus while what it began goes on', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.click('#tile-1')
  for (const [field, button] of [
    ['New label', 'Set label'],
    ['Name of the metadata', 'Set metadata'],
  ] as const) {
    await page.fill(`input[aria-label="${field}"]`, 'dinghy')
    const { handler, letThrough } = holding()
    await page.route('**/images/1', handler)
    await page.locator(`button:text("${button}")`).press('Enter')
    await page.getByRole('button', { name: button, disabled: true }).waitFor()
    letThrough()
    await page.getByRole('button', { name: button, disabled: false }).waitFor()
    assert.equal(await page.evaluate('document.activeElement.textContent'), button)
    await page.unroute('**/images/1')
  }
})

test('the buttons of jobs and of embedding sets keep the focus too', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const job = { id: 'j', kind: 'ingest', gallery: 'g', state: 'running', paused: false, finishedAt: null, failed: 0 }
  const counts = {
    skipped: 0,
    done: 1,
    total: 9,
    share: 0.1,
    picturesPerSecond: null,
    secondsLeft: null,
    failure: null,
  }
  const jobs = [{ ...job, ...counts, createdAt: '2026-01-01T00:00:00Z', startedAt: null }]
  await page.route('**/v1/jobs?*', (route) => route.fulfill({ json: { jobs } }))
  const set = { modelId: 'm', engine: 'embedded', state: 'ready', count: 6, withoutOriginal: 'fail' }
  await page.route('**/v1/galleries/g/sets', async (route) => {
    const { sets } = await (await route.fetch()).json()
    await route.fulfill({ json: { sets: [...sets, set] } })
  })
  for (const [screen, button, call, answer] of [
    ['operation', 'Pause', '**/v1/jobs/j', { json: jobs[0] }],
    ['networks/g', 'Switch to it', '**/v1/galleries/g/serving', { json: {} }],
  ] as const) {
    let calls = 0
    let letThrough = () => {}
    const promise = new Promise<void>((resolve) => {
      letThrough = resolve
    })
    await page.route(call, async (route) => {
      calls++
      await promise
      await route.fulfill(answer)
    })
    await page.goto(`${base}#/${screen}`)
    await page.getByRole('button', { name: button }).press('Enter')
    await page.getByRole('button', { name: button, disabled: true }).waitFor()
    await page.keyboard.press('Enter')
    // a disabled one loses the focus with the next frame
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
    letThrough()
    await page.getByRole('button', { name: button, disabled: false }).waitFor()
    assert.match(await page.evaluate<string>('document.activeElement.textContent'), new RegExp(`^${button}`))
    assert.equal(calls, 1)
  }
})

test('the focus goes to what is next when what had it is gone', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await withCopies(page, ['0', '1'], ['2', '3'])
  await onDecision(page, (route) => route.fulfill({ status: 201, json: {} }))
  const focusGoesTo = (expression: string) => until(page, `document.activeElement === ${expression}`)
  await page.goto(`${base}#/quality/g?view=copies`)
  await page.locator('.finding').first().getByText('Not copies').press('Enter')
  await page.waitForSelector('[aria-label="Search with 0"]', { state: 'detached' })
  await focusGoesTo("document.querySelector('.finding')")
  await page.locator('.finding').getByText('Not copies').press('Enter')
  await focusGoesTo('document.querySelector(\'[aria-label="Groups of copies"]\')')
  await withMap(page, ['0', '1', '2'])
  await page.goto(`${base}#/map/g`)
  await page.click('.legend button')
  await page.locator('text=Choose none').press('Enter')
  await focusGoesTo("document.querySelector('.map-frame')")
  await page.goto(`${base}#/search/g?id=0&like=1&like=2`)
  await page.locator('[aria-label="Undo: like 1"]').press('Enter')
  await focusGoesTo('document.querySelector(\'[aria-label="Undo: like 2"]\').parentElement')
  await page.click('text=Add a condition')
  await page.locator('[aria-label="Remove this condition"]').press('Enter')
  await focusGoesTo("document.querySelector('legend:not(.unseen)').parentElement")
})

test('a map that was asked for has the focus, however long it takes to load', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/map/g`)
  await page.getByRole('button', { name: 'Make the map' }).waitFor()
  await page.route('**/v1/galleries/g/layout*', async (route) => {
    if (route.request().method() === 'POST') return route.continue()
    const response = await route.fetch()
    await page.waitForTimeout(600)
    await route.fulfill({ response })
  })
  await page.getByRole('button', { name: 'Make the map' }).press('Enter')
  await page.waitForSelector('.map-canvas')
  await until(page, "document.activeElement.className === 'map-frame'")
})

test('a filter of the wall is put together by keys only, and closed by Enter', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.tile img')
  await page.getByRole('button', { name: 'Filter' }).press('Enter')
  await page.getByText('Add a condition').press('Enter')
  await until(page, "document.activeElement.ariaLabel === 'Field'")
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.type('square')
  await page.keyboard.press('Enter')
  await page.waitForSelector('dialog', { state: 'detached' })
  await untilTold(page, '.toolbar', /2 pictures found/)
})

test('after its gallery was deleted, keys go on with the screen in its place', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.click('text=Delete gallery')
  await page.fill('dialog input', 'g')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.welcome')
  assert.equal(await page.evaluate('document.activeElement.id'), 'main')
})

test('a hit that was picked far below is answered from the first hit on', { skip }, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 390, height: 600 } })
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.hit >> nth=4')
  await page.locator('.hit-picture').last().focus()
  const name = await page.locator('.hit-picture').last().getAttribute('aria-label')
  assert.ok(await page.evaluate('scrollY > 0'))
  await page.keyboard.press('Enter')
  await page.locator('.example figcaption', { hasText: name!.replace('Search with ', '') }).waitFor()
  await until(page, 'scrollY === 0')
  await until(page, "document.activeElement === document.querySelector('.hit-picture')")
})

test('of many hits those further down come onto the page as it is scrolled, and stay for Back', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.route('**/v1/galleries/g/search', async (route) => {
    const response = await route.fetch()
    const answer = await response.json()
    const hits = Array.from({ length: 250 }, (_, place) => ({ ...answer.hits[0], id: `${place}`, rank: place + 1 }))
    await route.fulfill({ response, json: { ...answer, hits } })
  })
  await page.goto(`${base}#/search/g?id=0`)
  await untilTold(page, '.verdict', /250 hits/)
  assert.equal(await page.locator('.hit').count(), 100)
  for (const count of [200, 250]) {
    await page.locator('.hit-picture').last().focus()
    await until(page, `document.querySelectorAll('.hit').length === ${count}`)
  }
  await page.locator('.hit-picture').last().focus()
  const left = await page.evaluate<number>('scrollY')
  await page.locator('.hit:last-child .hit-actions a').click()
  await page.waitForSelector('text=Back to the hits')
  await page.goBack()
  await until(page, `Math.abs(scrollY - ${left}) < 2`)
})

test('a page that was busy while it was scrolled shows more hits, too', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.route('**/v1/galleries/g/search', async (route) => {
    const response = await route.fetch()
    const answer = await response.json()
    const hits = Array.from({ length: 150 }, (_, place) => ({ ...answer.hits[0], id: `${place}`, rank: place + 1 }))
    await route.fulfill({ response, json: { ...answer, hits } })
  })
  // a browser tells several changes of sight at once when the page has not answered in between
  await page.addInitScript(`
    const Observer = IntersectionObserver
    window.IntersectionObserver = class extends Observer {
      constructor(tell, options) {
        super((entries, observer) => tell([{ isIntersecting: false, target: entries[0].target }, ...entries], observer), options)
      }
    }`)
  await page.goto(`${base}#/search/g?id=0`)
  await untilTold(page, '.verdict', /150 hits/)
  await page.locator('.hit-picture').last().focus()
  await until(page, "document.querySelectorAll('.hit').length === 150")
})

test('Back leads to the hits where they were left, also from another screen', { skip }, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 390, height: 600 } })
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.hit >> nth=4')
  for (const [next, shows] of [
    ['.hit:last-child .hit-picture', '.hit'],
    ['.hit:last-child .hit-actions a', 'text=Back to the hits'],
  ] as const) {
    // the answer to come would take the place of what has the focus
    await page.waitForSelector('.search-results[aria-busy=false]')
    await page.locator(next).focus()
    const left = await page.evaluate<number>('scrollY')
    assert.ok(left > 0)
    const from = page.url()
    await page.keyboard.press('Enter')
    await until(page, `location.href !== ${JSON.stringify(from)}`)
    await page.waitForSelector(shows)
    await until(page, 'scrollY === 0')
    await page.goBack()
    await until(page, `scrollY === ${left}`)
  }
})

test('a single hit is counted in the singular', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/search/g?id=0&k=1`)
  await untilTold(page, '.verdict', /^1 hit(?!s)/)
})

test('a label beside the wall shows its pictures, and all again', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  const labels = page.getByRole('complementary', { name: 'Labels' })
  await labels.getByRole('link', { name: 'square 2' }).click()
  await untilTold(page, '.toolbar', /^(?!.*6 pictures).*2 pictures/)
  assert.equal(await labels.locator('[aria-current]').textContent(), 'square2')
  await labels.locator('[aria-current]').click()
  await untilTold(page, '.toolbar', /6 pictures/)
})

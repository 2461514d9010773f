/** The console under a finger: nothing needs a hovering pointer, and everything that can be pressed is large enough. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { drawImage } from '../../support/drawn-images.js'
import { expectNone, opened, skip, withCopies, withMap } from './small-gallery.js'
import { until } from './walk.js'

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

/** A fingertip, in pixels of the page (WCAG 2.5.5). */
const leastPixels = 44

/** Names of controls that are smaller, with their sizes. Links within a sentence may be. */
const tooSmall = `(() => {
  const controls = document.querySelectorAll(
    'button, .button, select, summary, nav a, .tick, input:not(.unseen, [type=checkbox], [type=radio])')
  return [...controls].flatMap((one) => {
    const { width, height } = one.getBoundingClientRect()
    if (width === 0 || one.matches('.skip') || (width >= ${leastPixels} && height >= ${leastPixels})) return []
    return [(one.ariaLabel ?? one.innerText ?? one.className) + ' ' + Math.round(width) + ' x ' + Math.round(height)]
  })
})()`

test('every control of a phone is as large as a fingertip', { skip }, async (t) => {
  const { page, base, app } = await opened(t, phone)
  await withMap(page, ['0', '1', '2'])
  await app.call(202, { method: 'POST', url: '/v1/galleries/g/evaluate' })
  for (const [screen, shows, press] of [
    ['search/g', '.hit img', 'text=Search options'],
    ['search/g?id=0&like=1', '.score', 'text=As a call'],
    ['match/g?id=0&hit=1', '.heat img', undefined],
    ['gallery/g', '.tile img', '#tile-0'],
    ['gallery/g', '.tile img', 'text=New gallery'],
    ['gallery/g', '.tile img', 'text=Filter'],
    ['quality/g', '.views', undefined],
    ['map/g', '.map-canvas', '.legend button'],
    ['networks/g?id=0', '.side-hits img', undefined],
    ['operation/g', '.table tbody tr', 'text=All metrics'],
  ] as const) {
    await page.goto(`${base}#/${screen}`)
    await page.waitForSelector(shows)
    if (press !== undefined) await page.tap(press)
    assert.deepEqual(await page.evaluate(tooSmall), [], `${screen} ${press ?? ''}`)
    await page.goto('about:blank')
  }
  await withCopies(page, ['0', '1'])
  await page.goto(`${base}#/quality/g?view=copies`)
  await page.waitForSelector('.finding')
  assert.deepEqual(await page.evaluate(tooSmall), [], 'copies')
})

test('a phone does not zoom into a field that is typed into', { skip }, async (t) => {
  const { page, base } = await opened(t, phone)
  await page.goto(`${base}#/gallery/g`)
  await page.tap('#tile-0')
  // browsers of phones zoom into smaller text
  const smallest = `Math.min(...[...document.querySelectorAll('input, select')].map((one) => parseFloat(getComputedStyle(one).fontSize)))`
  assert.equal(await page.evaluate(smallest), 16)
})

/** Without what styles hide. */
async function shownText(page: Page): Promise<string> {
  return page.evaluate("document.getElementById('main').innerText")
}

async function touching(page: Page, selector: string) {
  const box = (await page.locator(selector).boundingBox())!
  const session = await page.context().newCDPSession(page)
  return (type: 'touchStart' | 'touchMove' | 'touchEnd' | 'touchCancel', ...places: (readonly [number, number])[]) =>
    session.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: places.map(([x, y], id) => ({ x: box.x + box.width * x, y: box.y + box.height * y, id })),
    })
}

test('a finger draws a region on a picture; a second finger or an interrupted touch does not', { skip }, async (t) => {
  const { page, base } = await opened(t, phone)
  await page.goto(`${base}#/search/g`)
  const buffer = await drawImage('circle', 4, { width: 320, height: 240 })
  await page.setInputFiles('.query input[type=file]', { name: 'given.jpg', mimeType: 'image/jpeg', buffer })
  await page.waitForSelector('.region-frame img')
  await page.waitForSelector('.score')
  const touch = await touching(page, '.region-frame')
  const isWhole = async () => !page.url().includes('region=') && (await page.locator('.region-box').count()) === 0

  await touch('touchStart', [0.2, 0.2])
  await touch('touchMove', [0.8, 0.7])
  await touch('touchCancel')
  await until(page, "!document.querySelector('.region-box')")
  assert.ok(await isWhole(), 'interrupted')

  await touch('touchStart', [0.2, 0.2])
  await touch('touchStart', [0.2, 0.2], [0.8, 0.8])
  await touch('touchMove', [0.1, 0.1], [0.9, 0.9])
  await touch('touchEnd')
  assert.ok(await isWhole(), 'two fingers')

  await touch('touchStart', [0.2, 0.2])
  await touch('touchMove', [0.5, 0.5])
  await touch('touchMove', [0.8, 0.7])
  await touch('touchEnd')
  await until(page, "location.hash.includes('region=0.2')")
  await page.waitForSelector('.region-box')
  // not tapped: Chromium takes a tap after this for the end of a fling
  await page.click('text=Use the whole picture')
  await until(page, "!location.hash.includes('region=')")
  await expectNone(page, '.region-box')
})

test('what a mouse is told to do is not said to a finger', { skip }, async (t) => {
  const { page, base } = await opened(t, { ...phone, viewport: { width: 1024, height: 768 } })
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.tile img')
  assert.doesNotMatch(await shownText(page), /click|press|key|Shift|Drop/i)
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.score')
  assert.doesNotMatch(await shownText(page), /\bclick|drop/i)
})

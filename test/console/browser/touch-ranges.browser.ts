/** Ranges on the wall: selected by a finger as in photo apps, and with the keyboard. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { opened, problem, skip } from './small-gallery.js'
import { until, untilTold } from './walk.js'

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

/** A wall of 300 pictures, and a finger on it. Time stands still until a test lets it pass. */
async function openedWall(t: TestContext) {
  const { page, base, app } = await opened(t, phone)
  const { images } = await app.call(200, { method: 'GET', url: '/v1/galleries/g/images' })
  const many = Array.from({ length: 300 }, (_, place) => ({ ...images[place % 6], id: String(1_000 + place) }))
  await page.route('**/v1/galleries/g/images?*', (route) => route.fulfill({ json: { images: many } }))
  await page.route('**/v1/galleries/g/labels*', (route) =>
    route.fulfill({ json: { labels: [{ label: 'circle', count: many.length }] } }),
  )
  await page.clock.install()
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('#tile-8')
  await page.clock.pauseAt(Date.now() + 3_600_000)
  return { page, finger: await fingerOn(page), hold: () => page.clock.runFor(600) }
}

async function fingerOn(page: Page) {
  const session = await page.context().newCDPSession(page)
  const send = async (type: 'touchStart' | 'touchMove' | 'touchEnd', touchPoints: { x: number; y: number }[]) => {
    await session.send('Input.dispatchTouchEvent', { type, touchPoints })
    await page.clock.runFor(32) // two frames of the screen
  }
  const middleOf = async (place: number) => {
    const { x, y, width, height } = (await page.locator(`#tile-${place}`).boundingBox())!
    return { x: x + width / 2, y: y + height / 2 }
  }
  return {
    middleOf,
    down: async (place: number) => send('touchStart', [await middleOf(place)]),
    downAt: (x: number, y: number) => send('touchStart', [{ x, y }]),
    to: async (place: number) => send('touchMove', [await middleOf(place)]),
    move: (x: number, y: number) => send('touchMove', [{ x, y }]),
    up: () => send('touchEnd', []),
  }
}

const selected = (page: Page) =>
  page.evaluate<number[]>(
    `[...document.querySelectorAll('.tile[aria-selected=true]')].map((tile) => +tile.id.slice(5)).sort((a, b) => a - b)`,
  )
const scrolled = (page: Page) => page.evaluate<number>("document.querySelector('.grid-frame').scrollTop")
const untilSelected = (page: Page, count: number) =>
  until(page, `document.querySelectorAll('.tile[aria-selected=true]').length === ${count}`)

test('a picture that is held begins a range, which grows and shrinks with the finger, and stays when it is lifted', {
  skip,
}, async (t) => {
  const { page, finger, hold } = await openedWall(t)
  await page.tap('#tile-0')
  await untilSelected(page, 1)
  await finger.down(2)
  await hold()
  await untilSelected(page, 2)
  await finger.to(3)
  await finger.to(5)
  await untilSelected(page, 5)
  assert.deepEqual(await selected(page), [0, 2, 3, 4, 5])
  await finger.to(3)
  await untilSelected(page, 3)
  await finger.up()
  assert.deepEqual(await selected(page), [0, 2, 3])
  assert.equal(await scrolled(page), 0)
  await untilTold(page, '[role=status]', /^3 pictures chosen$/)
  await page.tap('#tile-3')
  await untilSelected(page, 2)
})

test('a finger that moves at once scrolls the wall and selects nothing', { skip }, async (t) => {
  const { page, finger, hold } = await openedWall(t)
  const { x, y } = await finger.middleOf(6)
  await finger.down(6)
  await finger.move(x, y - 30)
  await finger.move(x, y - 150)
  await hold()
  await finger.move(x, y - 200)
  await finger.up()
  await until(page, "document.querySelector('.grid-frame').scrollTop > 50")
  assert.deepEqual(await selected(page), [])
})

test('a picture at the edge that is only held does not move away from under the finger', { skip }, async (t) => {
  const { page, finger, hold } = await openedWall(t)
  const { x } = await finger.middleOf(0)
  await finger.downAt(x, 820)
  await hold()
  await untilSelected(page, 1)
  await page.clock.runFor(1_000)
  await finger.up()
  assert.equal(await scrolled(page), 0)
  await untilSelected(page, 1)
})

test('a range goes on below what is in sight while the finger waits at the edge', { skip }, async (t) => {
  const { page, finger, hold } = await openedWall(t)
  await finger.down(0)
  await hold()
  await untilSelected(page, 1)
  const { x } = await finger.middleOf(0)
  for (const y of [500, 700, 830]) await finger.move(x, y)
  while ((await scrolled(page)) < 600) await page.clock.runFor(100)
  await finger.up()
  const told = (await page.locator('.selection-panel h2').textContent())!
  assert.ok(Number.parseInt(told, 10) >= 15, told)
})

/** The next tap is to choose everything from the second picture on. */
async function rangingWall(t: TestContext) {
  const { page } = await openedWall(t)
  await page.tap('#tile-1')
  await page.tap('text=Choose up to…')
  await untilTold(page, '[role=status]', /last picture/)
  return page
}

test('without holding, a range is chosen with a button and a tap', { skip }, async (t) => {
  const page = await rangingWall(t)
  await page.tap('#tile-8')
  await untilSelected(page, 8)
  assert.deepEqual(await selected(page), [1, 2, 3, 4, 5, 6, 7, 8])
  await page.tap('#tile-7')
  await untilSelected(page, 7)
})

test('a range that was to be chosen on one wall is not chosen on the next', { skip }, async (t) => {
  const page = await rangingWall(t)
  await page.evaluate("location.hash = '#/gallery/g?label=circle'")
  await untilSelected(page, 0)
  await page.tap('#tile-4')
  await untilSelected(page, 1)
  assert.deepEqual(await selected(page), [4])
})

test('on a phone what is selected leaves the wall in sight until something is to be done with it', {
  skip,
}, async (t) => {
  const { page } = await openedWall(t)
  await page.tap('#tile-0')
  await page.waitForSelector('.selection-panel')
  assert.ok((await page.locator('.selection-panel').boundingBox())!.height < 150)
  assert.equal(await page.isVisible('.selection-panel .danger'), false)
  await page.tap('.selection-panel >> text=Actions')
  assert.ok(await page.isVisible('.selection-panel .danger'))
  // also while something is told
  await page.route('**/v1/galleries/g/images/*', (route) => route.fulfill(problem))
  await page.fill('input[aria-label="New label"]', 'x')
  await page.tap('text=Set label')
  await page.waitForSelector('.toast-fault')
  await page.locator('.selection-panel .danger').tap({ trial: true })
})

test('Space, arrow keys and Shift with Space select a range, and a screen reader is told how many', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('#tile-5')
  await page.focus('.grid-frame')
  for (const key of ['ArrowRight', 'Space', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'Shift+Space'])
    await page.keyboard.press(key)
  await untilTold(page, '[role=status]', /^4 pictures chosen$/)
  assert.deepEqual(await selected(page), [1, 2, 3, 4])
})

/** What Safari or Firefox do otherwise, made so in Chromium: the console works there too. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawImage } from '../../support/drawn-images.js'
import { opened, skip, withMap } from './small-gallery.js'
import { until, untilTold } from './walk.js'

/** On a Mac, neither Safari nor Firefox gives the focus to a button that is pressed: what is around it takes it. */
const buttonsTakeNoFocus = `addEventListener('mousedown', (event) => {
  if (event.target.closest('button') === null) return
  event.preventDefault()
  event.target.closest('[tabindex]')?.focus()
})`

test('after a hit was clicked, keys go on with the first hit where buttons take no focus', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.addInitScript(buttonsTakeNoFocus)
  await page.goto(`${base}#/search/g?id=0`)
  await page.click('[aria-label="Search with 3"]')
  await until(page, "document.activeElement.className === 'hit-picture'")
  await page.keyboard.press('l')
  await page.waitForURL(/like=/)
})

test('a region that was drawn is moved by keys where buttons take no focus', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.addInitScript(buttonsTakeNoFocus)
  await page.goto(base)
  const picture = { name: 'image.png', mimeType: 'image/png', buffer: await drawImage('circle', 1) }
  await page.setInputFiles('.query input[type=file]', picture)
  await page.waitForSelector('.score')
  const { x, y, width, height } = (await page.locator('.region-frame').boundingBox())!
  await page.mouse.move(x + width * 0.2, y + height * 0.2)
  await page.mouse.down()
  await page.mouse.move(x + width * 0.6, y + height * 0.6, { steps: 3 })
  await page.mouse.up()
  await page.waitForURL(/region=/)
  const drawn = page.url()
  await page.keyboard.press('ArrowRight')
  await page.waitForURL((url) => url.href !== drawn && url.href.includes('region='))
})

test('two fingers on a trackpad zoom the map, not the page, where they are gestures', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await withMap(page, ['0', '1', '2'])
  // they would change the image whenever one of them arrives
  await page.route('**/thumbnail', (route) => route.fulfill({ status: 404 }))
  await page.goto(`${base}#/map/g`)
  await page.waitForSelector('.legend li')
  const image = () => page.evaluate<string>("document.querySelector('.map-canvas').toDataURL()")
  /** Whether the page keeps them from the browser. */
  const pinch = (...gestures: [type: string, scale: number][]) =>
    page.evaluate<boolean>(`{
      const canvas = document.querySelector('.map-canvas')
      const { left, top, width, height } = canvas.getBoundingClientRect()
      const middle = { clientX: left + width / 2, clientY: top + height / 2 }
      const gestures = ${JSON.stringify(gestures)}
      gestures.every(([type, scale]) => {
        const gesture = new Event(type, { bubbles: true, cancelable: true })
        return !canvas.dispatchEvent(Object.assign(gesture, middle, { scale }))
      })
    }`)
  const whole = await image()
  assert.ok(await pinch(['gesturestart', 1], ['gesturechange', 1.2], ['gesturechange', 2]))
  await until(page, `document.querySelector('.map-canvas').toDataURL() !== ${JSON.stringify(whole)}`)
  assert.ok(await pinch(['gesturestart', 1], ['gesturechange', 0.8], ['gesturechange', 0.5]))
  await until(page, `document.querySelector('.map-canvas').toDataURL() === ${JSON.stringify(whole)}`)
})

test('a camera that is missing is said to be, whatever the browser calls it', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.addInitScript(`
    const refusal = Object.assign(new Error('Invalid constraint'), { name: 'OverconstrainedError' })
    navigator.mediaDevices.getUserMedia = () => Promise.reject(refusal)
  `)
  await page.goto(base)
  await page.click('text=Camera')
  await untilTold(page, 'dialog [role=alert]', /no camera/)
})

test('an analysis requested while the latest is loaded is started, however late the next frame', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  // frames come late, and what is loaded arrives with the click
  await page.addInitScript(`
    const [frame, wait, load] = [requestAnimationFrame, setTimeout, fetch]
    window.requestAnimationFrame = (act) => frame(() => wait(() => act(performance.now()), 500))
    window.setTimeout = (act, ms, ...rest) => wait(act, ms < 100 ? 500 : ms, ...rest)
    const clicked = new Promise((resolve) => addEventListener('click', resolve))
    window.fetch = async (request, init) => {
      const response = await load(request, init)
      if (!/\\/v1\\/jobs\\?/.test(response.url)) return response
      const text = await response.text()
      await clicked
      return new Response(text, response)
    }
  `)
  const loaded = page.waitForResponse(/\/v1\/jobs\?/)
  await page.goto(`${base}#/quality/g`)
  await loaded
  await page.click('text=Evaluate')
  await page.waitForSelector('.plot canvas')
})

test('while the service is lost the code of a screen is not requested: Safari would not request it again', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  const requested: string[] = []
  page.on('request', (request) => requested.push(request.url()))
  const isCode = (url: string) => url.includes('/assets/gallery-screen')
  await page.goto(`${base}#/search/g`)
  await page.waitForSelector('.hit img')
  await page.context().setOffline(true)
  await page.click('.hit-picture')
  await page.waitForSelector('text=The service cannot be reached')
  await page.click('nav >> text=Gallery')
  await page.waitForSelector('main >> text=Loading…')
  assert.deepEqual(requested.filter(isCode), [])
  await page.context().setOffline(false)
  await page.waitForSelector('.tile img')
  assert.equal(requested.filter(isCode).length, 1)
})

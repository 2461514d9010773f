/** What can be done with one picture of a gallery: view it, look for its copies, compare networks with it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { opened, openedWith, skip } from './small-gallery.js'
import { until, untilCounted, untilTold } from './walk.js'

test('with a key too, an original can be viewed and downloaded', { skip }, async (t) => {
  const { page, base, expectQuiet } = await openedWith(t, 'reader', 'read')
  await page.goto(`${base}#/gallery/g`)
  await page.click('#tile-1')
  await page.click('text=View the original')
  await until(page, "document.querySelector('dialog img')?.naturalWidth > 0")
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('dialog >> text=Download')])
  assert.equal(download.suggestedFilename().split('.')[0], '1')
  expectQuiet()
})

test('an original that is missing, or that a browser cannot show, is reported as such', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.click('#tile-1')
  await page.route('**/original', (route) => route.fulfill({ contentType: 'image/heic', body: 'heic' }))
  await page.click('text=View the original')
  await untilTold(page, 'dialog', /This browser cannot show image\/heic\./)
  await page.keyboard.press('Escape')
  await page.unroute('**/original')
  await page.route('**/original', (route) => route.fulfill({ status: 404, json: { title: 'It was not kept.' } }))
  await page.click('text=View the original')
  await page.waitForSelector('dialog [role=alert] >> text=It was not kept.')
})

test('copies of a stored picture are searched for, and networks compared with it', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.click('#tile-1')
  await page.click('text=Its copies')
  await untilTold(page, '.verdict', /hits?/)
  assert.ok(await page.isChecked('label:has-text("Only near-copies of the query") input'))
  await page.goBack()
  await page.click('text=Compare networks')
  await untilCounted(page, '.side-hits li', 10)
  await page.waitForSelector('text=Both sides are the same')
  await page.locator('.side-hits a').first().click()
  await page.waitForSelector('.verdict')
  await page.goBack()
  await untilCounted(page, '.side-hits li', 10)
})

/** What somebody sees who starts with an empty service: each screen says what is missing, and where to go on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../../support/app.js'
import { drawImage } from '../../support/drawn-images.js'
import { openPage } from './chromium.js'
import { openBrowser } from './shared-browser.js'
import { expectNone, opened, skip } from './small-gallery.js'
import { untilTold } from './walk.js'

test('a demo gallery that is not drawn to its end leaves none behind', { skip }, async (t) => {
  const base = `${await (await startApp(t)).listen()}/`
  const { page } = await openPage(await openBrowser(t), base)
  await page.goto(base)
  await page.selectOption('.welcome select', '2000')
  await page.click('text=Draw a demo gallery')
  await page.waitForSelector('progress')
  await page.reload()
  await page.waitForSelector('text=Welcome to Alike')
})

test('a gallery that exists is not created again', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/gallery/g`)
  await page.click('text=New gallery')
  await page.fill('dialog input', 'g')
  await page.keyboard.press('Enter')
  await page.waitForSelector('dialog [role=alert] >> text=There is a gallery called g already.')
})

test('the first gallery is created, searched, filled and evaluated, and what is empty says so', { skip }, async (t) => {
  const app = await startApp(t)
  const base = `${await app.listen()}/`
  const { page, expectQuiet, allow } = await openPage(await openBrowser(t), base)
  allow(/404 .*\/layout/)
  const picture = { name: 'a.jpg', mimeType: 'image/jpeg', buffer: await drawImage('circle', 1) }
  const text = { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('a') }
  await page.goto(base)
  await page.fill('[aria-label="Name of the new gallery"]', 'first')
  await page.keyboard.press('Enter')
  await page.waitForURL(/#\/gallery\/first$/)
  await page.waitForSelector('text=There are no pictures yet')
  assert.equal(await page.evaluate('document.activeElement.id'), 'main')

  await page.click('nav >> text=Map')
  await page.click('text=Make the map')
  await page.waitForSelector('text=There were no pictures to lay out')
  await expectNone(page, '.map-canvas')
  await page.click('nav >> text=Search')
  await page.setInputFiles('.query input[type=file]', picture)
  await untilTold(page, '.verdict', /^0 hits$/)
  await page.goBack()
  await page.click('text=Add pictures')
  await page.setInputFiles('.upload input[type=file] >> nth=0', [picture, text])
  await untilTold(page, '.upload', /1 stored, 1 skipped \(already stored, or not a picture\)/)

  await page.click('nav >> text=Quality')
  await page.click('text=Evaluate')
  await page.waitForSelector('button >> text=Evaluate again')
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Evaluate again')
  await untilTold(page, '[role=status]', /at least two pictures need the same label/)
  await expectNone(page, '.table')
  await expectNone(page, 'text=No labels are confused')
  expectQuiet()
})

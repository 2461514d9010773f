/**
 * Moves a gallery to a real Weaviate server and back through its settings dialog: paused, resumed, cancelled,
 * continued.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startApp, type TestApp } from '../../support/app.js'
import { drawImage } from '../../support/drawn-images.js'
import { settingsOf, sharedWeaviate, skipWithoutWeaviate } from '../../support/weaviate-server.js'
import { chromiumFile, expectAccessible, openPage } from './chromium.js'
import { openBrowser } from './shared-browser.js'
import { until, untilTold } from './walk.js'

const skip = chromiumFile === undefined ? 'there is no Chromium on this machine' : skipWithoutWeaviate
/** Copied in three groups, which leaves time to pause after the first and to cancel after the second. */
const count = 120

async function filled(t: TestContext): Promise<TestApp> {
  const app = await startApp(t, { ...settingsOf(await sharedWeaviate()), defaultEngine: '' })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  for (let seed = 1; seed <= count; seed++)
    await app.call(201, {
      method: 'PUT',
      url: `/v1/galleries/g/images/${seed}`,
      payload: { image: (await drawImage('circle', seed)).toString('base64') },
    })
  return app
}

test('a gallery moves through its settings dialog, with pause, resume and cancel, and back', {
  skip,
}, async (t) => {
  const app = await filled(t)
  const base = `${await app.listen()}/`
  const { page, expectQuiet } = await openPage(await openBrowser(t), base)
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.tile img')
  await page.click('.toolbar >> text=Settings')
  await untilTold(page, 'dialog', /It is stored in embedded\./)
  const rate = 'dialog label:has-text("Pictures a second") input'
  await page.fill('dialog label:has-text("Shards") input', '2')
  await page.fill(rate, '3')
  await expectAccessible(page, 'move')

  const jobNow = "fetch('v1/jobs?kind=move').then((answer) => answer.json()).then(({ jobs }) => jobs[0])"
  await page.click('dialog button:has-text("Move to weaviate")')
  await page.click('dialog >> text=Pause')
  await until(page, `${jobNow}.then(({ paused, state }) => paused && state === 'queued')`)
  await untilTold(page, 'dialog .job-progress', /^paused/)
  await expectAccessible(page, 'paused move')
  await page.click('dialog >> text=Resume')
  await until(page, `${jobNow}.then(({ paused }) => !paused)`)
  await page.click('dialog >> text=Cancel')
  await until(page, `${jobNow}.then(({ state }) => state === 'cancelled')`)
  await untilTold(page, 'dialog', /A move to weaviate did not end; \d+ pictures are there/)

  await page.fill(rate, '')
  await page.click('dialog button:has-text("Move to weaviate")')
  await untilTold(
    page,
    'dialog',
    new RegExp(`stored in weaviate\\. It came from embedded, where a copy of ${count} pictures`),
  )
  assert.equal((await app.call(200, { url: '/v1/galleries/g' })).engine, 'weaviate')
  await page.click('dialog button:has-text("Move to embedded")')
  await untilTold(page, 'dialog', /stored in embedded\. It came from weaviate/)
  await page.click('dialog >> text=Remove the copy in weaviate')
  await page.click('dialog dialog .danger')
  await untilTold(page, 'dialog p', /^It is stored in embedded\.$/)
  assert.equal((await app.call(200, { url: '/v1/galleries/g' })).move, undefined)
  expectQuiet()
})

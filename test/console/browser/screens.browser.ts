/**
 * Walks through every screen of the console like a user, on the real service with pictures drawn by the console itself:
 * everything works, nothing fails on the page, and it is accessible.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startProcess } from '../../support/service-process.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { chromiumFile, openPage } from './chromium.js'
import { openBrowser } from './shared-browser.js'
import { untilTold, walkWith } from './walk.js'
import { walkGallery } from './walk-gallery.js'
import { walkQuality } from './walk-quality.js'
import { walkMap, walkNetworks, walkOperation } from './walk-rest.js'
import { walkSearch } from './walk-search.js'

const skip = chromiumFile === undefined ? 'there is no Chromium on this machine' : false

/** As many as the console offers to draw: 240, 480 or 2,000. */
const pictures = Number(process.env.CONSOLE_PICTURES ?? 480)

test(`every screen works with ${pictures} drawn pictures`, { skip, timeout: 2_400_000 }, async (t) => {
  const { address } = await startProcess(t, { DATA_DIR: await temporaryFolder(t), EMBED_WORKERS: '2' })
  const base = `${address.replace(/\/$/, '')}/`
  const browser = await openBrowser(t)
  const watched = await openPage(browser, base)
  const walk = walkWith({ browser, page: watched.page, watched, base, pictures, tell: (line) => t.diagnostic(line) })

  await walk.step('without a gallery it draws one', async () => {
    await walk.page.goto(base)
    await walk.page.selectOption('.welcome select', String(pictures))
    await walk.look('welcome')
    await walk.page.click('text=Draw a demo gallery')
    await walk.page.waitForSelector('.hits .hit img', { timeout: 600_000 })
    await untilTold(walk.page, '.gallery-choice', new RegExp(`demo \\(${pictures.toLocaleString('en')}\\)`))
    assert.equal(await walk.page.evaluate('document.activeElement.id'), 'main')
    await walk.look('start')
  })
  await walkSearch(walk)
  await walkGallery(walk)
  await walkQuality(walk)
  await walkMap(walk)
  await walkNetworks(walk)
  await walkOperation(walk)

  await walk.step('dark colours are as readable', async () => {
    await walk.page.emulateMedia({ colorScheme: 'dark' })
    for (const screen of [
      'search/demo?id=boat%2F00160.jpg',
      'gallery/demo',
      'quality/demo',
      'networks/demo',
      'operation/demo',
    ]) {
      await walk.page.goto(`${base}#/${screen}`)
      await walk.page.waitForSelector('.hit img, .tile img, .confusion, .plot canvas')
      await walk.look(`dark-${screen.split('/')[0]}`)
    }
  })
})

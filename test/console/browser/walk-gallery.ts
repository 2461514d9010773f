/** The gallery as a wall: scrolled, chosen from, labelled, deleted from, uploaded to. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { drawImage } from '../../support/drawn-images.js'
import { folderOfProcess } from '../../support/temporary-folder.js'
import { isMachineFree, scrollFramesPerSecond } from './measure.js'
import { until, type Walk } from './walk.js'

export async function walkGallery({ page, base, pictures, look, tell, step }: Walk): Promise<void> {
  await step('the wall scrolls with at least 50 frames a second', async () => {
    await page.goto(`${base}#/gallery/demo`)
    await page.waitForSelector('.tile img')
    assert.match((await page.textContent('.toolbar'))!, new RegExp(`${pictures.toLocaleString('en')} pictures`))
    let best = 0
    for (let tries = 0; tries < 4 && best < 50; tries++) best = Math.max(best, await scrollFramesPerSecond(page))
    tell(`the wall scrolls with ${best.toFixed(0)} frames a second`)
    assert.ok(best >= 50 || !isMachineFree(), `${best} frames a second`)
    const tiles = await page.locator('.tile').count()
    assert.ok(tiles < 200, `${tiles} tiles are on the page`)
    await page.focus('.grid-frame')
    await page.keyboard.press('End')
    await page.waitForSelector(`#tile-${pictures - 1} img`)
    await page.keyboard.press('Home')
    await page.waitForSelector('#tile-0 img')
  })

  await step('pictures are chosen by key, and labelled', async () => {
    await page.focus('.grid-frame')
    await page.keyboard.press('Space')
    await page.keyboard.press('Shift+ArrowRight')
    await page.keyboard.press('Shift+ArrowRight')
    assert.match((await page.textContent('.selection-panel h2'))!, /3 pictures/)
    await look('gallery')
    await page.fill('input[aria-label="New label"]', 'dinghy')
    await page.click('text=Set label')
    await page.waitForSelector('text=3 pictures are changed.')
    assert.equal((await page.textContent('#tile-0 .tile-label'))!, 'dinghy')
    await page.fill('input[aria-label="Name of the metadata"]', 'checked')
    await page.fill('input[aria-label="Value of the metadata, as JSON or text"]', 'true')
    await page.click('text=Set metadata')
    await page.waitForSelector('text=3 pictures are changed. >> nth=1')
  })

  await step('what is deleted is gone, unless it is taken back', async () => {
    const name = () => page.getAttribute('#tile-0', 'aria-label')
    const first = await name()
    await page.click('.selection-panel .danger')
    await until(page, `document.querySelector('#tile-0').getAttribute('aria-label') !== ${JSON.stringify(first)}`)
    await page.click('text=Undo')
    await until(page, `document.querySelector('#tile-0').getAttribute('aria-label') === ${JSON.stringify(first)}`)
    await page.click('#tile-0')
    await page.click('.selection-panel .danger')
    await until(
      page,
      `fetch('v1/galleries/demo').then((answer) => answer.json()).then(({ count }) => count === ${pictures - 1})`,
    )
  })

  await step('a folder is sent, its labels are its folders, and only what failed is sent again', async () => {
    const folder = await folderOfProcess('alike-console-')
    await mkdir(join(folder, 'album', 'circles'), { recursive: true })
    for (let number = 0; number < 12; number++)
      await writeFile(join(folder, 'album', 'circles', `${number}.jpg`), await drawImage('circle', number))
    await writeFile(join(folder, 'album', 'circles', 'broken.jpg'), 'no picture')
    await page.setInputFiles('.upload input[webkitdirectory]', join(folder, 'album'))
    await page.waitForSelector('text=12 stored, 1 failed')
    assert.match((await page.textContent('.upload-errors'))!, /album\/circles\/broken\.jpg/)
    await page.click('text=Send only these again')
    await page.waitForSelector('text=0 stored, 1 failed')
    await page.selectOption('.toolbar select', '=circles')
    await until(page, "document.querySelectorAll('.tile img').length === 12")
    await look('upload')
  })
}

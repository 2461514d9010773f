/** The gallery wall: scrolling, selecting, labelling, deleting, uploading. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { drawImage } from '../../support/drawn-images.js'
import { folderOfProcess } from '../../support/temporary-folder.js'
import { until, untilTold, type Walk } from './walk.js'

export async function walkGallery({ page, base, pictures, look, step }: Walk): Promise<void> {
  await step('of a long wall only what is in sight is on the page, from its beginning to its end', async () => {
    await page.goto(`${base}#/gallery/demo`)
    await page.waitForSelector('.tile img')
    await untilTold(page, '.toolbar', new RegExp(`${pictures.toLocaleString('en')} pictures`))
    const tiles = await page.locator('.tile').count()
    assert.ok(tiles < 200, `${tiles} tiles are on the page`)
    await page.focus('.grid-frame')
    await page.keyboard.press('End')
    await page.waitForSelector(`#tile-${pictures - 1} img`)
    await page.keyboard.press('Home')
    await page.waitForSelector('#tile-0 img')
  })

  await step('pictures are chosen by key, and labelled', async () => {
    const [id] = (await page.getAttribute('#tile-0', 'aria-label'))!.split(', ')
    const imageNow = `fetch('v1/galleries/demo/images/${encodeURIComponent(id!)}').then((answer) => answer.json())`
    await page.focus('.grid-frame')
    await page.keyboard.press('Space')
    await page.keyboard.press('Shift+ArrowRight')
    await page.keyboard.press('Shift+ArrowRight')
    await untilTold(page, '.selection-panel h2', /3 pictures/)
    await look('gallery')
    await page.fill('input[aria-label="New label"]', 'dinghy')
    await page.click('text=Set label')
    await untilTold(page, '#tile-0 .tile-label', /^dinghy$/)
    await page.fill('input[aria-label="Name of the metadata"]', 'checked')
    await page.fill('input[aria-label="Value of the metadata, as JSON or text"]', 'true')
    await page.click('text=Set metadata')
    await until(page, `${imageNow}.then(({ label, metadata }) => label === 'dinghy' && metadata.checked === true)`)
  })

  await step('one that is chosen alone is shown as it came', async () => {
    await page.click('text=Choose none')
    await page.click('#tile-0')
    await untilTold(page, '.selection-panel h2', /^1 picture$/)
    await page.click('text=View the original')
    await until(page, "document.querySelector('dialog img')?.naturalWidth === 256")
    await look('original')
    await page.click('dialog [aria-label=Close]')
    await page.click('text=Choose none')
  })

  await step(
    'a gallery is made whose files stay where they are, is changed, and is deleted once its name was typed',
    async () => {
      await page.click('.toolbar >> text=New gallery')
      await page.fill('dialog input[aria-label="Name of the new gallery"]', 'elsewhere')
      await page.click('dialog summary >> text=Options')
      await page.selectOption('dialog label:has-text("Originals") select', 'reference')
      await page.fill('dialog label:has-text("Query pictures kept") input', '5')
      await page.fill('dialog label:has-text("Maximum number of pictures") input', '500')
      await untilTold(page, 'dialog .hint', /deleted 30 days after its last use/)
      await look('new-gallery')
      await page.click('dialog button[type=submit]')
      await until(page, "location.hash.includes('elsewhere')")
      const made = "fetch('v1/galleries/elsewhere').then((answer) => answer.json())"
      await until(
        page,
        `${made}.then(({ originals, keepQueries, maxImages, count }) =>
          originals === 'reference' && keepQueries === 5 && maxImages === 500 && count === 0)`,
      )
      await page.goto(`${base}#/gallery/elsewhere`)
      await page.click('.toolbar >> text=Settings')
      assert.ok(await page.isDisabled('dialog button[type=submit]'), 'nothing was changed')
      await page.fill('dialog label:has-text("Query pictures kept") input', '0')
      await page.fill('dialog label:has-text("Maximum number of pictures") input', '')
      await page.selectOption('dialog label:has-text("Originals") select', 'none')
      await look('gallery-settings')
      await page.click('dialog button[type=submit]')
      await untilTold(page, 'dialog', /Saved\./)
      await until(
        page,
        `${made}.then(({ originals, keepQueries, maxImages }) =>
          originals === 'none' && keepQueries === 0 && maxImages === undefined)`,
      )
      await page.click('dialog [aria-label=Close]')
      await page.click('.toolbar >> text=Delete gallery')
      assert.ok(await page.isDisabled('dialog >> text=Delete the gallery'))
      await page.fill('dialog input', 'elsewhere')
      await page.click('dialog >> text=Delete the gallery')
      await until(
        page,
        "fetch('v1/galleries').then((answer) => answer.json()).then((list) => list.galleries.length === 1)",
      )
      await page.goto(`${base}#/gallery/demo`)
      await page.waitForSelector('.tile img')
    },
  )

  await step('a filter is put together from the fields there are, and the wall shows what fits', async () => {
    await page.click('.toolbar >> text=Filter')
    await page.click('dialog >> text=Add a condition')
    await page.getByRole('group', { name: 'Condition 1' }).getByLabel('Field').selectOption('metadata.checked')
    await page.fill('dialog input[aria-label=Value]', 'true')
    await page.keyboard.press('Tab')
    await untilTold(page, '.toolbar', /(?<![\d,])3 pictures found/)
    await look('wall-filter')
    await page.click('dialog >> text=Clear')
    await page.click('dialog [aria-label=Close]')
    await untilTold(page, '.toolbar', new RegExp(`${pictures.toLocaleString('en')} pictures`))
  })

  await step('what is deleted is gone, unless it is taken back', async () => {
    const countNow = "fetch('v1/galleries/demo').then((answer) => answer.json()).then(({ count }) => count)"
    const nameNow = "document.querySelector('#tile-0').getAttribute('aria-label')"
    await page.click('#tile-0')
    const first = JSON.stringify(await page.getAttribute('#tile-0', 'aria-label'))
    await page.click('.selection-panel .danger')
    // stays while it is pointed at
    await page.hover('.toast')
    await until(page, `${nameNow} !== ${first}`)
    await page.click('text=Undo')
    await until(page, `${nameNow} === ${first}`)
    await page.click('#tile-0')
    await page.click('.selection-panel .danger')
    await until(page, `${countNow}.then((count) => count === ${pictures - 1})`)
  })

  await step('a folder is sent, its labels are its folders, and only what failed is sent again', async () => {
    const folder = await folderOfProcess('alike-console-')
    await mkdir(join(folder, 'album', 'circles'), { recursive: true })
    for (let number = 0; number < 12; number++)
      await writeFile(join(folder, 'album', 'circles', `${number}.jpg`), await drawImage('circle', number))
    await writeFile(join(folder, 'album', 'circles', 'broken.jpg'), 'no picture')
    await page.setInputFiles('.upload input[webkitdirectory]', join(folder, 'album'))
    await page.waitForSelector('text=12 stored, 1 failed')
    await untilTold(page, '.upload-errors', /album\/circles\/broken\.jpg/)
    await page.click('text=Send only these again')
    await page.waitForSelector('text=0 stored, 1 failed')
    await page.selectOption('.toolbar select', '=circles')
    await until(page, "document.querySelectorAll('.tile img').length === 12")
    await look('upload')
  })
}

/** Map, networks and operation. */
import { AlikeClient } from '../../../clients/typescript/src/alike-client.js'
import { archiveOfModel, filesOfModel } from '../../../src/cli/model-archive.js'
import { drawImage } from '../../support/drawn-images.js'
import { until, untilCounted, untilTold, type Walk } from './walk.js'

export async function walkMap({ page, base, watched, look, step }: Walk): Promise<void> {
  await step('the map is made, zoomed into, and a lasso chooses', async () => {
    // the browser logs an error because there is no map yet
    watched.allow(/404 .*\/layout/)
    await page.goto(`${base}#/map/demo`)
    await page.click('text=Make the map')
    await page.waitForSelector('.map-canvas', { timeout: 600_000 })
    await until(page, "document.activeElement.className === 'map-frame'")
    await untilCounted(page, '.legend li', 8)
    await look('map')
    await page.selectOption('.toolbar select', 'doubt')
    await page.focus('.map-frame')
    for (let times = 0; times < 8; times++) await page.keyboard.press('+')
    await page.keyboard.press('0')
    await page.click('text=Select with a lasso')
    const box = (await page.locator('.map-canvas').boundingBox())!
    const corner = (x: number, y: number) =>
      page.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps: 3 })
    await corner(0.2, 0.1)
    await page.mouse.down()
    await corner(0.8, 0.1)
    await corner(0.8, 0.9)
    await corner(0.2, 0.9)
    await page.mouse.up()
    await page.waitForSelector('.map-chosen img')
    await look('lasso')
  })
}

export async function walkNetworks({ page, base, look, step }: Walk): Promise<void> {
  await step('networks are told of, and asked side by side', async () => {
    await page.goto(`${base}#/networks/demo`)
    await page.waitForSelector('.network .plot canvas >> nth=2')
    const buffer = await drawImage('square', 2, { width: 320, height: 240 })
    await page.setInputFiles('.network input[type=file]', { name: 'given.jpg', mimeType: 'image/jpeg', buffer })
    await page.waitForSelector('.side-hits >> nth=1')
  })

  await step('what serves a gallery, and in which engine, is told', async () => {
    await untilTold(page, '.set', /har-resnet50answers searches[\d,]+ pictures, engine: embedded/)
  })

  await step('another network is built beside the one that serves, and judged', async () => {
    const folder = 'onnx/har-lite0'
    const files = await filesOfModel(folder)
    await new AlikeClient({ url: base }).installModel({ open: () => archiveOfModel(folder, files) })
    // while a deletion can be undone, the browser would ask
    await page.waitForSelector('.toast', { state: 'detached' })
    // the page forgets the picture that was given
    await page.goto(`${base}#/networks/demo`)
    await page.reload()
    await page.click('text=Build and judge')
    await page.waitForSelector('.set .gate', { timeout: 600_000 })
    await look('networks')
  })

  await step('one picture is asked of the network that serves and of the one that was built', async () => {
    // a stored one: both find at least the picture itself
    const stored = await fetch(`${base}v1/galleries/demo/images/boat%2F00160.jpg/original`)
    const buffer = Buffer.from(await stored.arrayBuffer())
    await page.setInputFiles('.network input[type=file]', { name: 'given.jpg', mimeType: 'image/jpeg', buffer })
    await page.selectOption('.pair-of-galleries > div:nth-child(2) label:has-text("Second gallery") select', 'demo')
    await page.selectOption('.pair-of-galleries > div:nth-child(2) label:has-text("Network") select', {
      label: 'har-lite0',
    })
    await untilTold(page, '.pair-of-galleries > div:nth-child(1) .hint', /har-resnet50, [\d.]+ ms/)
    await untilTold(page, '.pair-of-galleries > div:nth-child(2) .hint', /har-lite0, [\d.]+ ms/)
    await untilCounted(page, '.pair-of-galleries > div:nth-child(2) .side-hits li', 12)
    await untilCounted(page, '.side-same a[aria-label$=", in both"]', 2)
    await look('side-by-side')
  })

  await step('it lets itself be switched to, and back', async () => {
    await page.click('.set >> text=Switch to it')
    await untilTold(page, '.set', /har-lite0answers searches/)
    await page.click('.set >> text=Roll back to it')
    await untilTold(page, '.set', /har-resnet50answers searches/)
    await look('rolled-back')
  })
}

export async function walkOperation({ page, base, look, step }: Walk): Promise<void> {
  await step('operation shows the numbers of /metrics, and jobs of all kinds', async () => {
    await page.goto(`${base}#/operation/demo`)
    await page.waitForSelector('.plot canvas >> nth=3')
    await until(page, "document.querySelectorAll('.plot .u-series').length >= 8")
    await page.waitForSelector('table tbody th >> text=ingest')
    for (const kind of ['ingest', 'evaluate', 'doctor', 'duplicates', 'layout'])
      await untilTold(page, 'table tbody th', new RegExp(`^${kind}$`))
    await untilTold(page, '.facts', /cpu, int8/)
    await look('operation')
  })
}

/**
 * How soon does the console show a search, and how smoothly does its wall of thumbnails scroll? Measured in Chromium
 * against the minimum in the same browser: loading the service's home page as JSON, and drawing frames while nothing
 * changes. Pictures, thumbnails and vectors are drawn and written to the data folder beforehand; the model is handmade.
 *
 *     npx node dist/bench/console.js [--pictures 100000] [--rounds 5]
 */
import { spawn } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import type { Browser, Page } from 'playwright-core'
import { percentile } from '../src/cli/percentile.js'
import { chromiumFile, launchBrowser, openPage } from '../test/console/browser/chromium.js'
import { engineOf, openEmbeddedGalleries } from '../test/engines/embedded/embedded-galleries.js'
import { unitVectors } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { newImage, putImages } from '../test/gallery/stored-images.js'
import { drawImage, drawnLabels } from '../test/support/drawn-images.js'
import { writeHandmadeModel } from '../test/support/handmade-onnx.js'
import { table } from './report.js'
import { ServiceProcess } from './service-process.js'

const { values } = parseArgs({
  options: { pictures: { type: 'string', default: '100000' }, rounds: { type: 'string', default: '5' } },
})
const [count, rounds] = [Number(values.pictures), Number(values.rounds)]
const dimension = 64
/** Distinct thumbnails; more pictures share them. */
const thumbnailsDrawn = 1_000
const scrolledMs = 5_000

if (chromiumFile === undefined) {
  console.log('Not measured: Chromium is not installed.')
  process.exit()
}
const folder = await mkdtemp(join(tmpdir(), 'alike-bench-console-'))
process.once('exit', () => spawn('rm', ['-rf', folder], { detached: true, stdio: 'ignore' }))
const modelDir = await mkdtemp(join(folder, 'model-'))
const model = await writeHandmadeModel(modelDir, { inputSize: 16, dimension })
const dataDir = join(folder, 'data')
await fill()

const service = await ServiceProcess.start({ DATA_DIR: dataDir, MODEL_DIR: modelDir, PROVIDER: 'cpu' })
const browser = await launchBrowser()
const base = `${service.url}/`
try {
  const [json, search, idle, wall] = [[], [], [], []] as [number[], number[], number[], number[]]
  for (let round = 0; round < rounds; round++) {
    json.push(await visibleAfterMs(browser, `${base}v1`, 'pre'))
    search.push(await visibleAfterMs(browser, `${base}#/search/g?id=p${100 + round}`, '.search-results .hit img'))
  }
  const { page } = await openPage(browser, base)
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.tile img')
  for (let round = 0; round < rounds; round++) {
    idle.push(await framesPerSecond(page, 0))
    wall.push(await framesPerSecond(page, 24))
  }
  const toEndMs = await toTheEnd(page)
  console.log(
    `${count.toLocaleString('en')} pictures with thumbnails, ${rounds} rounds, medians; load average ${loadavg()[0]!.toFixed(1)} on ${availableParallelism()} cores.\n`,
  )
  const row = (name: string, own: number[], reference: number[], digits: number) => {
    const [value, of] = [percentile(own, 0.5), percentile(reference, 0.5)]
    return [name, value.toFixed(digits), of.toFixed(digits), `${(value / of).toFixed(2)} ×`]
  }
  console.log(
    table(
      ['', 'console', 'reference', 'ratio'],
      [
        row('first search visible, empty cache, ms', search, json, 0),
        row('frames per second while the wall scrolls', wall, idle, 0),
      ],
    ),
  )
  console.log(`\nFrom the first picture of the wall to the last, with the End key: ${(toEndMs / 1_000).toFixed(1)} s.`)
} finally {
  await browser.close()
  await service.stop()
}

async function fill(): Promise<void> {
  const galleries = await openEmbeddedGalleries({
    dataDir,
    model: { id: model.manifest.id, dimension },
    logger: pino({ level: 'silent' }),
    storage: { graphCacheAfterWrites: 1e8, graphCacheAfterSeconds: 1e6 },
  })
  const makeVector = unitVectors({ dimension, seed: 1, clusters: 100, latent: 24 })
  const thumbnails: Buffer[] = []
  for (let i = 0; i < Math.min(thumbnailsDrawn, count); i++)
    thumbnails.push(await drawImage(drawnLabels[i % drawnLabels.length]!, i, { width: 160, height: 120 }))
  await galleries.create('g')
  for (let from = 0; from < count; from += 500) {
    const images = Array.from({ length: Math.min(500, count - from) }, (_, i) =>
      newImage(`p${from + i}`, makeVector(), {
        modelId: model.manifest.id,
        label: drawnLabels[(from + i) % drawnLabels.length]!,
        thumbnail: thumbnails[(from + i) % thumbnails.length]!,
      }),
    )
    await putImages(galleries.images, 'g', images)
  }
  await engineOf(galleries).saveGraphCaches()
  await galleries.close()
}

/** Milliseconds from requesting the page to seeing the element, in a browser with an empty cache. */
async function visibleAfterMs(browser: Browser, address: string, selector: string): Promise<number> {
  const { page } = await openPage(browser, base)
  await page.goto(address)
  await page.waitForSelector(selector)
  const ms = (await page.evaluate('performance.now()')) as number
  await page.context().close()
  return ms
}

/** @param step pixels that the wall moves per frame */
async function framesPerSecond(page: Page, step: number): Promise<number> {
  return (await page.evaluate(`new Promise((resolve) => {
    const frame = document.querySelector('.grid-frame')
    const startedAt = performance.now()
    let frames = 0
    const next = (now) => {
      frame.scrollTop += ${step}
      frames += 1
      if (now - startedAt < ${scrolledMs}) requestAnimationFrame(next)
      else resolve(frames / ((now - startedAt) / 1000))
    }
    requestAnimationFrame(next)
  })`)) as number
}

async function toTheEnd(page: Page): Promise<number> {
  const startedAt = performance.now()
  await page.focus('.grid-frame')
  await page.keyboard.press('End')
  await page.waitForSelector(`#tile-${count - 1} img`)
  return performance.now() - startedAt
}

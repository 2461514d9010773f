/** Screenshots of the console for its documentation, at three widths; taken if SCREENSHOTS is set. */
import { mkdir, writeFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import sharp from 'sharp'

const folder = 'docs/console'
const widths = { phone: [390, 844], tablet: [820, 1100], wide: [1440, 900] } as const

/** Screens shown in docs/console.md. */
const shown = [
  'welcome',
  'search',
  'match',
  'gallery',
  'quality',
  'labels',
  'map',
  'networks',
  'operation',
  'dark-search',
]

export async function takeScreenshots(page: Page, name: string): Promise<void> {
  if (process.env.SCREENSHOTS === undefined || !shown.includes(name)) return
  await mkdir(folder, { recursive: true })
  const before = page.viewportSize()!
  for (const [width, [w, h]] of Object.entries(widths)) {
    await page.setViewportSize({ width: w, height: h })
    await page.waitForTimeout(900)
    const picture = await sharp(await page.screenshot())
      .webp({ quality: 82 })
      .toBuffer()
    await writeFile(`${folder}/${name}-${width}.webp`, picture)
  }
  await page.setViewportSize(before)
}

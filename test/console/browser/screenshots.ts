/**
 * Screenshots of the console for its documentation, at three widths: the wide one with `SCREENSHOTS=pointed`, those of phone and tablet with
 * `SCREENSHOTS=touched`. Two walks are needed, because a page that was touched has no pointer that hovers until it is loaded again.
 */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import sharp from 'sharp'

const folder = 'docs/console'
const screens = {
  phone: { width: 390, height: 844, isTouched: true },
  tablet: { width: 820, height: 1100, isTouched: true },
  wide: { width: 1440, height: 900, isTouched: false },
} as const

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
  const kind = process.env.SCREENSHOTS
  if (kind === undefined || !shown.includes(name)) return
  assert.ok(kind === 'pointed' || kind === 'touched', `SCREENSHOTS=${kind}`)
  await mkdir(folder, { recursive: true })
  const before = page.viewportSize()!
  const session = await page.context().newCDPSession(page)
  for (const [screen, { isTouched, ...size }] of Object.entries(screens)) {
    if (isTouched !== (kind === 'touched')) continue
    await page.setViewportSize(size)
    if (isTouched) await session.send('Emulation.setTouchEmulationEnabled', { enabled: true })
    await page.waitForTimeout(900)
    assert.equal(await page.evaluate("matchMedia('(pointer: coarse)').matches"), isTouched)
    assert.equal(await page.evaluate("matchMedia('(hover: hover)').matches"), !isTouched)
    const picture = await sharp(await page.screenshot())
      .webp({ quality: 82 })
      .toBuffer()
    await writeFile(`${folder}/${name}-${screen}.webp`, picture)
  }
  await session.detach()
  await page.setViewportSize(before)
}

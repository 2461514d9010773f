/** How fast the console feels: the first search, and scrolling. */
import { availableParallelism, loadavg } from 'node:os'
import type { Browser, Page } from 'playwright-core'
import { openPage } from './chromium.js'

/** On a machine that has other things to do, speed is told and not judged. */
export function isMachineFree(): boolean {
  return loadavg()[0]! <= 2 * availableParallelism()
}

/** From asking for the page to seeing the first hit's picture, with nothing in the browser's caches; milliseconds. */
export async function firstSearchMs(browser: Browser, base: string, address: string): Promise<number> {
  const { page } = await openPage(browser, base)
  await page.goto(base + address)
  await page.waitForSelector('.search-results .score')
  await page.waitForSelector('.search-results .hit img')
  const ms = (await page.evaluate('performance.now()')) as number
  await page.context().close()
  return ms
}

/** Frames a second while the wall of pictures is scrolled by a screen a second and more. */
export async function scrollFramesPerSecond(page: Page): Promise<number> {
  return (await page.evaluate(`new Promise((resolve) => {
    const frame = document.querySelector('.grid-frame')
    const startedAt = performance.now()
    let frames = 0
    const step = (now) => {
      frame.scrollTop += 24
      frames += 1
      if (now - startedAt < 2500) requestAnimationFrame(step)
      else resolve(frames / ((now - startedAt) / 1000))
    }
    requestAnimationFrame(step)
  })`)) as number
}

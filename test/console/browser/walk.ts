/** One walk through the console: its current place, and the checks before leaving each screen. */
import type { Browser, Page } from 'playwright-core'
import { expectAccessible, type WatchedPage, waitMs } from './chromium.js'
import { takeScreenshots } from './screenshots.js'

export interface Walk {
  browser: Browser
  page: Page
  watched: WatchedPage
  /** Number of pictures in the gallery. */
  pictures: number
  /** URL of the service, with a trailing slash. */
  base: string
  /** Checks accessibility and errors; takes screenshots if requested. */
  look(name: string): Promise<void>
  /** One expectation; the walk ends at the first failure. */
  step(name: string, run: () => Promise<void>): Promise<void>
  /** Prints a measurement. */
  tell(line: string): void
}

export function walkWith(parts: Omit<Walk, 'look' | 'step'>): Walk {
  const { page, watched } = parts
  return {
    ...parts,
    async step(name, run) {
      const startedAt = performance.now()
      try {
        await run()
      } catch (error) {
        throw new Error(`${name}: ${String(error)}`, { cause: error })
      }
      parts.tell(`${name} (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`)
    },
    async look(name) {
      await expectAccessible(page, name)
      await takeScreenshots(page, name)
      watched.expectQuiet()
    },
  }
}

/**
 * Polls an expression in the page. Playwright's own `waitForFunction` evaluates strings in the page, which its policy
 * forbids.
 */
export async function until(page: Page, expression: string, timeoutMs = waitMs): Promise<void> {
  const endsAt = performance.now() + timeoutMs
  while (!(await page.evaluate(expression))) {
    if (performance.now() > endsAt) throw new Error(`it did not come true: ${expression}`)
    await page.waitForTimeout(100)
  }
}

/** Waits until an element matching `selector` has this text. */
export async function untilTold(page: Page, selector: string, text: RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor()
}

/** Waits until at least this many elements match `selector`. */
export async function untilCounted(page: Page, selector: string, least: number): Promise<void> {
  await page
    .locator(selector)
    .nth(least - 1)
    .waitFor({ state: 'attached' })
}

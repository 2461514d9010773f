/** One walk through the console: where it is, and what is looked at before each screen is left. */
import type { Browser, Page } from 'playwright-core'
import { expectAccessible, type WatchedPage, waitMs } from './chromium.js'
import { takeScreenshots } from './screenshots.js'

export interface Walk {
  browser: Browser
  page: Page
  watched: WatchedPage
  /** How many the gallery has that the walk goes through. */
  pictures: number
  /** Address of the service, with a slash at its end. */
  base: string
  /** Nobody is shut out, nothing went wrong; where asked for, pictures are taken. */
  look(name: string): Promise<void>
  /** One thing that is to hold; the walk ends with the first that does not. */
  step(name: string, run: () => Promise<void>): Promise<void>
  /** A line of what was measured. */
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

/** Asks the page until it says yes. Playwright's own `waitForFunction` evaluates texts in the page, which its policy forbids. */
export async function until(page: Page, expression: string, timeoutMs = waitMs): Promise<void> {
  const endsAt = performance.now() + timeoutMs
  while (!(await page.evaluate(expression))) {
    if (performance.now() > endsAt) throw new Error(`it did not come true: ${expression}`)
    await page.waitForTimeout(100)
  }
}

/** Waits until something that `selector` names has this text. */
export async function untilTold(page: Page, selector: string, text: RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor()
}

/** Waits until `selector` names so many at least. */
export async function untilCounted(page: Page, selector: string, least: number): Promise<void> {
  await page
    .locator(selector)
    .nth(least - 1)
    .waitFor({ state: 'attached' })
}

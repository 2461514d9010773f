/** One Chromium for all tests of a process: starting it takes as long as a short test. */
import { after, type TestContext } from 'node:test'
import type { Browser, BrowserContext } from 'playwright-core'
import { launchBrowser } from './chromium.js'

let shared: Promise<Browser> | undefined
after(async () => (await shared)?.close())

/** Its pages are closed after the test. */
export async function openBrowser(t: TestContext): Promise<Browser> {
  shared ??= launchBrowser()
  const browser = await shared
  t.after(() => Promise.all(browser.contexts().map(closeContext)))
  return browser
}

async function closeContext(context: BrowserContext): Promise<void> {
  // a call that a test answers may still be under way, and would fail in the next test
  for (const page of context.pages()) await page.unrouteAll({ behavior: 'ignoreErrors' })
  await context.close()
}

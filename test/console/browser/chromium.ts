/** The machine's own Chromium, and pages in it that hold what the console promises of every page. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { AxeBuilder } from '@axe-core/playwright'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
export const chromiumFile = places.find((place) => existsSync(place))

/** How long anything on a page may take to come true: so long that a crowded machine is no failure. */
export const waitMs = 120_000

/** Closed after the test. */
export async function openBrowser(t: TestContext): Promise<Browser> {
  const browser = await launchBrowser()
  t.after(() => browser.close())
  return browser
}

/** For containers: without a sandbox, as tests run as root there, nor the shared memory that few of them have enough of. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumFile!,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    timeout: waitMs,
  })
}

export interface WatchedPage {
  page: Page
  /** Fails when something went wrong on the page since: an error, a breach of its policy, a request to somebody else. */
  expectQuiet(): void
  /** What the service is expected to refuse is no error of the page. */
  allow(text: RegExp): void
}

export async function openPage(
  browser: Browser,
  base: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(waitMs)
  const faults: string[] = []
  const allowed: RegExp[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => void faults.push(String(error.stack)))
  page.on('dialog', (dialog) => void faults.push(`dialog: ${dialog.message()}`))
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(base) && !/^(blob|data):/.test(url)) faults.push(`request to ${url}`)
  })
  return {
    page,
    expectQuiet() {
      const left = faults.splice(0).filter((fault) => !allowed.some((text) => text.test(fault)))
      assert.deepEqual(left, [])
    },
    allow: (text) => void allowed.push(text),
  }
}

/** Findings of axe that it calls serious or critical. */
export async function expectAccessible(page: Page, where: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  const grave = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${where}: ${id}: ${nodes
          .slice(0, 3)
          .map(({ html }) => html.slice(0, 160))
          .join(' | ')}`,
    )
  assert.deepEqual(grave, [])
}

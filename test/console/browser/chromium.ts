/** The machine's Chromium, and pages in it that verify what the console guarantees for every page. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { AxeBuilder } from '@axe-core/playwright'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
export const chromiumFile = places.find((place) => existsSync(place))

/** A name of this machine whose pages browsers treat like those of another one: without encryption they may do less. */
export const anotherMachine = 'alike.test'

/** Timeout for conditions on a page: long enough that a crowded machine does not fail. */
export const waitMs = 120_000

/**
 * For containers: without a sandbox, because tests run as root there, and without shared memory, of which they have too
 * little.
 * @param options.scrollbars that take room, as on a desktop; default none
 */
export function launchBrowser(options: { scrollbars?: boolean } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumFile!,
    ignoreDefaultArgs: options.scrollbars === true ? ['--hide-scrollbars'] : [],
    args: ['--no-sandbox', '--disable-dev-shm-usage', `--host-resolver-rules=MAP ${anotherMachine} 127.0.0.1`],
    timeout: waitMs,
  })
}

export interface WatchedPage {
  page: Page
  /** Fails if anything went wrong on the page since: an error, a policy violation, a request to a third party. */
  expectQuiet(): void
  /** Expected refusals by the service are not errors of the page. */
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
  page.on('dialog', (dialog) => {
    faults.push(`dialog ${dialog.type()}: ${dialog.message()}`)
    void dialog.dismiss()
  })
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

/** Findings of axe rated serious or critical. */
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

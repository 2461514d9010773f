/** A page on a gallery of six pictures, for tests of what goes wrong, or slowly. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { BrowserContextOptions, Page, Route } from 'playwright-core'
import { makeKey } from '../../../src/access/api-keys.js'
import type { Config } from '../../../src/config/config.js'
import { startApp, type TestApp } from '../../support/app.js'
import { drawImage } from '../../support/drawn-images.js'
import { chromiumFile, openPage, type WatchedPage } from './chromium.js'
import { openBrowser } from './shared-browser.js'

export const skip = chromiumFile === undefined ? 'there is no Chromium on this machine' : false
const labels = ['circle', 'square', 'triangle'] as const
const owner = makeKey('owner', 'admin')
export const problem = {
  status: 500,
  contentType: 'application/problem+json',
  body: '{"title":"It broke.","code":"internal"}',
}

/** A service with a gallery `g` of six pictures with three labels. @param headers of one who may fill it */
export async function filled(
  t: TestContext,
  settings: Partial<Config> = {},
  headers: Record<string, string> = {},
): Promise<TestApp> {
  const app = await startApp(t, settings)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g', headers })
  const put = async (place: number) =>
    app.call(201, {
      method: 'PUT',
      url: `/v1/galleries/g/images/${place}?label=${labels[place % 3]}`,
      payload: await drawImage('circle', place),
      headers: { 'content-type': 'image/jpeg', ...headers },
    })
  await Promise.all(Array.from({ length: 6 }, (_, place) => put(place)))
  return app
}

/** A page of it; failed calls are expected. */
export async function opened(
  t: TestContext,
  options: BrowserContextOptions = {},
): Promise<WatchedPage & { base: string; app: TestApp }> {
  const browser = await openBrowser(t)
  const app = await filled(t)
  const base = `${await app.listen()}/`
  const watched = await openPage(browser, base, options)
  watched.allow(/Failed to load resource/)
  return { ...watched, base, app }
}

/** A page on the gallery `g` whose session has a key. */
export async function openedWith(t: TestContext, ...key: Parameters<typeof makeKey>) {
  const made = makeKey(...key)
  const headers = { authorization: `Bearer ${owner.key}` }
  const app = await filled(t, { apiKeys: `${owner.line},${made.line}` }, headers)
  const base = `${await app.listen()}/`
  const watched = await openPage(await openBrowser(t), base)
  watched.allow(/404 .*\/layout/)
  await watched.page.addInitScript(`sessionStorage.setItem('alike-key', ${JSON.stringify(made.key)})`)
  return { ...watched, base }
}

/** Fails the first calls so many times. */
export function failing(times: number, fail: (route: Route) => Promise<void>): (route: Route) => Promise<void> {
  let left = times
  return (route) => (left-- > 0 ? fail(route) : route.continue())
}

/** Holds the first call until it is let through; the others pass. */
export function holding(): { handler: (route: Route) => Promise<void>; letThrough: () => void } {
  let letThrough = () => {}
  const promise = new Promise<void>((resolve) => {
    letThrough = resolve
  })
  let isFirst = true
  return {
    letThrough: () => letThrough(),
    handler: async (route) => {
      if (!isFirst) return route.continue()
      isFirst = false
      // as the service answers now
      const response = await route.fetch()
      await promise
      await route.fulfill({ response })
    },
  }
}

/** Drops files on an element; they are what a drop of the browser would contain. */
export async function drop(
  page: Page,
  selector: string,
  files: readonly { name: string; type: string }[],
): Promise<void> {
  await page.evaluate(`{
    const files = ${JSON.stringify(files)}.map(({ name, type }) => new File(['x'], name, { type }))
    const items = files.map((file) => ({
      webkitGetAsEntry: () => ({ isFile: true, fullPath: '/' + file.name, file: (take) => take(file) }),
    }))
    const drop = new Event('drop', { bubbles: true, cancelable: true })
    document.querySelector(${JSON.stringify(selector)}).dispatchEvent(
      Object.assign(drop, { dataTransfer: { items, files, types: ['Files'] } }),
    )
  }`)
}

/** A map that was made before, of these pictures. */
export async function withMap(page: Page, ids: readonly string[]): Promise<void> {
  const points = ids.map((id, place) => ({ id, x: place / 5 - 0.5, y: 0, label: 'a', doubt: 0 }))
  const layout = { points, pictures: ids.length, stale: false, madeAt: '2026-01-01T00:00:00Z' }
  await page.route('**/v1/galleries/g/layout*', (route) => route.fulfill({ json: layout }))
}

/** The job of an analysis. */
const lookedAt = '2026-01-01T00:00:00Z'
export const lookedForCopies = {
  id: 'first',
  state: 'succeeded',
  startedAt: lookedAt,
  finishedAt: lookedAt,
  failure: null,
}

/** Groups of copies, by id. */
export function copiesOf(...ids: string[][]) {
  const groups = ids.map((some) => ({
    images: some.map((id) => ({ id, label: null, nearCopyScore: 1 })),
    size: some.length,
    identical: false,
  }))
  const copies = groups.reduce((sum, { size }) => sum + size - 1, 0)
  return { pictures: 6, duplicateScore: 0.4, copies, count: ids.length, groups }
}

/** Groups of copies that were found before. */
export async function withCopies(page: Page, ...ids: string[][]): Promise<void> {
  await page.route('**/v1/jobs?*', (route) => route.fulfill({ json: { jobs: [lookedForCopies] } }))
  await page.route('**/v1/jobs/first/result', (route) => route.fulfill({ json: copiesOf(...ids) }))
}

/** Takes the place of the service where decisions are made; they are read as usual. */
export async function onDecision(page: Page, handler: (route: Route) => unknown): Promise<void> {
  await page.route('**/v1/galleries/g/decisions', (route) =>
    route.request().method() === 'POST' ? handler(route) : route.fallback(),
  )
}

/** Lets the time to undo a deletion pass. The page's clock must have been installed before it was opened. */
export async function passTimeToUndo(page: Page): Promise<void> {
  await page.waitForSelector('.toast')
  await page.clock.fastForward(8_000)
}

export async function expectNone(page: Page, selector: string): Promise<void> {
  assert.equal(await page.locator(selector).count(), 0, selector)
}

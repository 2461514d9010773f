/** The table of jobs, with several of them running. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { BrowserContextOptions } from 'playwright-core'
import { expectAccessible } from './chromium.js'
import { opened, skip } from './small-gallery.js'

const at = '2026-01-01T00:00:00Z'
const job = {
  kind: 'ingest',
  paused: false,
  createdAt: at,
  startedAt: at,
  finishedAt: null,
  done: 1_200,
  total: 4_000,
  share: 0.3,
  skipped: 0,
  failed: 0,
  picturesPerSecond: 41.5,
  secondsLeft: 67,
  failure: null,
}
const ended = { ...job, state: 'succeeded', done: 4_000, share: 1, finishedAt: at, secondsLeft: null }

/** Newest first, as the service lists them. */
const jobs = [
  { ...ended, id: '1', gallery: 'bags' },
  { ...job, id: '2', gallery: 'winter-shoes', state: 'running', failed: 3 },
  { ...ended, id: '3', gallery: 'bags', kind: 'evaluate' },
  { ...job, id: '4', gallery: 'hats', state: 'running', done: 12, share: 0.003, secondsLeft: 900 },
  {
    ...job,
    id: '5',
    gallery: 'hats',
    state: 'queued',
    done: 0,
    total: null,
    picturesPerSecond: null,
    secondsLeft: null,
  },
]

async function openedJobs(t: TestContext, options?: BrowserContextOptions) {
  const { page, base } = await opened(t, options)
  await page.route('**/v1/jobs?*', (route) => route.fulfill({ json: { jobs } }))
  await page.goto(`${base}#/operation/g`)
  await page.waitForSelector('.jobs tbody tr >> nth=4')
  return page
}

test('jobs that run or wait come before those that have ended, and only they have a bar', { skip }, async (t) => {
  const page = await openedJobs(t)
  const rows = page.locator('.jobs tbody tr')
  assert.deepEqual(await rows.locator('td:nth-child(2)').allTextContents(), [
    'winter-shoes',
    'hats',
    'hats',
    'bags',
    'bags',
  ])
  assert.equal(await rows.locator('progress').count(), 3)
  for (const gallery of ['winter-shoes', 'hats'])
    await page
      .getByRole('button', { name: `Cancel the ingest of ${gallery}`, exact: true })
      .first()
      .waitFor()
})

test('on a phone all of a job is in sight, and its buttons are', { skip }, async (t) => {
  const page = await openedJobs(t, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
  const outside = `[...document.querySelectorAll('.jobs :is(th, td, button, progress)')].filter((one) => {
    const { left, right } = one.getBoundingClientRect()
    return left < 0 || right > 390
  }).map(({ textContent }) => textContent)`
  assert.deepEqual(await page.evaluate(outside), [])
  await expectAccessible(page, 'jobs on a phone')
  assert.match(await page.locator('.jobs').ariaSnapshot(), /row .*ingest winter-shoes/)
})

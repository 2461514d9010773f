/** Lists of many hits: how they come onto the page, and what a screen reader tells of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { opened, skip } from './small-gallery.js'
import { until, untilTold } from './walk.js'

interface Hit {
  id: string
  rank: number
}

/** Changes what a search answers. */
async function withAnswers(page: Page, change: (answer: { hits: Hit[] }) => object): Promise<void> {
  await page.route('**/v1/galleries/g/search', async (route) => {
    const response = await route.fetch()
    const answer = await response.json()
    await route.fulfill({ response, json: { ...answer, ...change(answer) } })
  })
}

function manyOf([hit]: Hit[], count: number, prefix = ''): Hit[] {
  return Array.from({ length: count }, (_, place) => ({ ...hit!, id: `${prefix}${place}`, rank: place + 1 }))
}

const countOf = (page: Page, selector: string) => page.locator(selector).count()

/** Counts the hits that come onto the page at once, before the browser can do anything else. */
const countAtOnce = `
  window.mostAtOnce = 0
  new MutationObserver((records) => {
    const added = records.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node instanceof Element)
    const hits = new Set(added.flatMap((node) => [...(node.matches('.hit') ? [node] : []), ...node.querySelectorAll('.hit')]))
    window.mostAtOnce = Math.max(window.mostAtOnce, hits.size)
  }).observe(document, { childList: true, subtree: true })`

/** Counts how often hits leave the page. */
const countFewer = `
  window.timesFewer = 0
  let hits = 0
  new MutationObserver(() => {
    const now = document.querySelectorAll('.hit').length
    if (now < hits) window.timesFewer++
    hits = now
  }).observe(document, { childList: true, subtree: true })`

test('on a slow machine, hits that are on the page stay while more come', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 })
  await page.addInitScript(countFewer)
  await withAnswers(page, ({ hits }) => ({ hits: manyOf(hits, 450) }))
  await page.goto(`${base}#/search/g?id=0`)
  await untilTold(page, '.verdict', /450 hits/)
  for (const count of [200, 300, 400, 450]) {
    await page.locator('.hit-picture').last().focus()
    await until(page, `document.querySelectorAll('.hit').length >= ${count}`)
  }
  assert.equal(await page.evaluate<number>('timesFewer'), 0)
})

test('Back to a place far down brings the hits a hundred at a time, too, and no more than needed', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await page.addInitScript(countAtOnce)
  await withAnswers(page, ({ hits }) => ({ hits: manyOf(hits, 450) }))
  await page.goto(`${base}#/search/g?id=0`)
  await untilTold(page, '.verdict', /450 hits/)
  for (const count of [200, 300, 400, 450]) {
    await page.locator('.hit-picture').last().focus()
    await until(page, `document.querySelectorAll('.hit').length === ${count}`)
  }
  for (const [place, count] of [
    [449, 450],
    [20, 100],
  ] as const) {
    await page.locator('.hit-picture').nth(place).focus()
    const left = await page.evaluate<number>('scrollY')
    assert.ok(left > 0)
    await page.locator('.hit').nth(place).locator('a').click()
    await page.waitForSelector('text=Back to the hits')
    await page.goBack()
    await until(page, `document.querySelectorAll('.hit').length === ${count}`)
    await until(page, `Math.abs(scrollY - ${left}) < 2`)
  }
  assert.ok((await page.evaluate<number>('mostAtOnce')) <= 100)
})

test('of grouped hits, too, about a hundred come at a time, and what is asked for is called groups', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await withAnswers(page, ({ hits: _, ...answer }) => {
    const [first] = (answer as unknown as { groups: { hits: Hit[] }[] }).groups
    const groups = Array.from({ length: 90 }, (_, place) => ({
      key: `label ${place}`,
      rank: place + 1,
      hits: manyOf(first!.hits, 3, `${place} `),
    }))
    return { hits: [], groups }
  })
  await page.goto(`${base}#/search/g?id=0&group=label&k=90`)
  await untilTold(page, '.verdict', /90 groups/)
  assert.equal(await countOf(page, '.hit'), 102)
  assert.equal(await page.getByRole('spinbutton', { name: 'Groups' }).inputValue(), '90')
  const group = page.locator('.hit-group').last()
  assert.deepEqual([await group.getAttribute('aria-setsize'), await group.getAttribute('aria-posinset')], ['90', '34'])
})

test('a screen reader is told of each hit which of how many it is, and what its picture stands for', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await withAnswers(page, ({ hits }) => ({ hits: manyOf(hits, 250) }))
  await page.goto(`${base}#/search/g?id=0`)
  await untilTold(page, '.verdict', /250 hits/)
  const hit = page.locator('.hit').nth(99)
  assert.deepEqual([await hit.getAttribute('aria-setsize'), await hit.getAttribute('aria-posinset')], ['250', '100'])
  const snapshot = await hit.ariaSnapshot()
  assert.match(snapshot, /Rank 100/)
  assert.match(snapshot, /Score/)
  const described = await hit.locator('.hit-picture').getAttribute('aria-describedby')
  assert.match((await page.locator(`[id="${described}"]`).textContent())!, /Rank 100 \w+ Score \d\.\d{3}/)
})

test('only thumbnails that are in sight after a busy moment are loaded, not those scrolled past', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await withAnswers(page, ({ hits }) => ({ hits: manyOf(hits, 100) }))
  // a browser tells several changes of sight at once when the page has not answered in between
  await page.addInitScript(`
    const Observer = IntersectionObserver
    window.IntersectionObserver = class extends Observer {
      constructor(tell, options) {
        super((entries, observer) => tell([{ isIntersecting: true, target: entries[0].target }, ...entries], observer), options)
      }
    }`)
  const asked = new Set<string>()
  page.on('request', (request) => request.url().endsWith('/thumbnail') && asked.add(request.url()))
  await page.goto(`${base}#/search/g?id=0`)
  await untilTold(page, '.verdict', /100 hits/)
  await page.waitForLoadState('networkidle')
  assert.ok(asked.size > 5 && asked.size < 60, `${asked.size} of 100 were loaded`)
})

test('the record that is shown over other hits goes with Escape, until another hit is pointed at', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.score')
  const records = page.locator('.hit-metadata')
  for (const place of [0, 1]) {
    await page.locator('.hit-picture').nth(place).hover()
    await records.nth(place).waitFor({ state: 'visible' })
    await page.keyboard.press('Escape')
    await records.nth(place).waitFor({ state: 'hidden' })
  }
})

test('the pointer can move onto the record of a hit, which stays, and from there on to the hit below', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 700, height: 900 } })
  await withAnswers(page, ({ hits }) => ({ hits: manyOf(hits, 20) }))
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.score')
  const record = page.locator('.hit-metadata').first()
  await page.locator('.hit-picture').first().hover()
  await record.waitFor({ state: 'visible' })
  const { x, y, width, height } = (await record.boundingBox())!
  // in steps as small as those of a hand
  await page.mouse.move(x + width / 2, y + height / 2, { steps: 20 })
  const pointedAt = `document.elementFromPoint(${x + width / 2}, ${y + height / 2}).closest('.hit-metadata')`
  assert.equal(await page.evaluate(`${pointedAt} === document.querySelector('.hit-metadata')`), true)
  assert.ok(await record.isVisible())
  await page.mouse.move(x + width / 2, y + height + 30, { steps: 20 })
  await record.waitFor({ state: 'hidden' })
  const below = `document.elementFromPoint(${x + width / 2}, ${y + height + 30}).closest('.hit')`
  assert.equal(await page.evaluate(`[...document.querySelectorAll('.hit')].indexOf(${below}) > 0`), true)
})

test('a record that is too long to be shown can be scrolled, with the keyboard too', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const metadata = Object.fromEntries(Array.from({ length: 12 }, (_, place) => [`field ${place}`, 'word '.repeat(20)]))
  await withAnswers(page, ({ hits }) => ({ hits: hits.map((hit) => ({ ...hit, metadata })) }))
  await page.goto(`${base}#/search/g?id=0`)
  await page.waitForSelector('.score')
  await page.locator('.hit-picture').first().focus()
  await page.keyboard.press('Shift') // shows where the focus is
  const record = page.locator('.hit-metadata').first()
  await record.waitFor({ state: 'visible' })
  for (let times = 0; times < 6; times++) await page.keyboard.press('Tab')
  assert.equal(await page.evaluate("document.activeElement === document.querySelector('.hit-metadata')"), true)
  await page.keyboard.press('End')
  await until(page, "document.querySelector('.hit-metadata').scrollTop > 0")
})

test('where the system chooses the colours, bars are still filled, and what is pressed can be told', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t, { forcedColors: 'active' })
  await page.goto(`${base}#/search/g?id=0`)
  await page.locator('.verdict-right').first().click()
  await page.waitForSelector('.verdict-right[aria-pressed=true]')
  const styleOf = (selector: string, name: string) =>
    page.evaluate(`getComputedStyle(document.querySelector('${selector}'))['${name}']`)
  assert.notEqual(await styleOf('.stage', 'backgroundColor'), await styleOf('body', 'backgroundColor'))
  assert.equal(await styleOf('.hit-actions [aria-pressed=true]', 'outlineStyle'), 'solid')
})

test('stages of a search that took no time are not told', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await withAnswers(page, () => ({ durations: { decodeMs: 0, queueMs: 0.01, embedMs: 0, searchMs: 2, totalMs: 2.02 } }))
  await page.goto(`${base}#/search/g?id=0`)
  const bar = page.locator('.durations-bar')
  assert.equal(await bar.getAttribute('aria-label'), 'Stages: search 2.0 ms')
  assert.equal(await bar.locator('.stage').count(), 1)
})

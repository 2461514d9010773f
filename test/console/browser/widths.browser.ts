/** Every screen fits the page at every width: it scrolls up and down only. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawImage } from '../../support/drawn-images.js'
import { launchBrowser, openPage } from './chromium.js'
import { lookedForCopies, opened, problem, skip, withMap } from './small-gallery.js'
import { until } from './walk.js'

const screens = [
  ['search/g', '.hit img'],
  ['search/g?id=0', '.score'],
  ['match/g?id=0&hit=1', '.heat img'],
  ['gallery/g', '.tile img'],
  ['quality/g', '.views'],
  ['map/g', '.map-canvas'],
  ['networks/g', '.network'],
  ['operation/g', '.table tbody tr'],
] as const

test('no screen scrolls sideways, and the tab of the current one is in sight', { skip }, async (t) => {
  const { page, base, app } = await opened(t)
  await withMap(page, ['0', '1', '2'])
  await app.call(202, { method: 'POST', url: '/v1/galleries/g/doctor' })
  // leaves less room for the tabs
  await app.call(201, { method: 'PUT', url: '/v1/galleries/gallery-with-a-long-name' })
  for (const width of [320, 390, 768, 800, 1440]) {
    await page.setViewportSize({ width, height: 844 })
    for (const [address, shows] of screens) {
      await page.goto(`${base}#/${address}`)
      await page.reload()
      await page.waitForSelector(shows)
      if (address === 'search/g') await page.evaluate("document.querySelector('details').open = true")
      const beyond = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      assert.ok(beyond <= 0, `${address} at ${width}: ${beyond} pixels beyond the edge`)
      await until(
        page,
        `(() => {
          const [tab, nav] = ['nav [aria-current]', 'nav'].map((one) => document.querySelector(one).getBoundingClientRect())
          return tab.left >= nav.left - 1 && tab.right <= nav.right + 1
        })()`,
      )
    }
  }
})

test('a gallery with a long name leaves the tabs of a tablet in sight', { skip }, async (t) => {
  const { page, base, app } = await opened(t, { viewport: { width: 820, height: 1180 } })
  const name = 'a-gallery-with-a-name-that-is-as-long-as-names-may-be'
  await app.call(201, { method: 'PUT', url: `/v1/galleries/${name}` })
  await page.goto(`${base}#/gallery/${name}`)
  await page.waitForSelector('.gallery-choice select')
  const hidden = "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.bar nav'))"
  assert.equal(await page.evaluate(hidden), 0)
})

test('where scrollbars take room, the bar has the same width on every screen', { skip }, async (t) => {
  const { base } = await opened(t)
  const browser = await launchBrowser({ scrollbars: true })
  t.after(() => browser.close())
  const { page } = await openPage(browser, base, { viewport: { width: 800, height: 400 } })
  await withMap(page, ['0', '1', '2'])
  const widths = new Map<string, unknown>()
  for (const [address, shows] of screens) {
    await page.goto(`${base}#/${address}`)
    await page.waitForSelector(shows)
    widths.set(address, await page.evaluate("document.querySelector('.bar').getBoundingClientRect().width"))
  }
  assert.equal(new Set(widths.values()).size, 1, JSON.stringify([...widths]))
  assert.ok([...widths.values()].every((width) => Number(width) < 800))
})

test('two galleries side by side begin at the same height, although one of them has no hits', { skip }, async (t) => {
  const { page, base, app } = await opened(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/h' })
  await page.goto(`${base}#/networks/g?id=0`)
  const choice = page.locator('.pair-of-galleries > div >> select')
  await choice.nth(1).selectOption('h')
  await page.waitForSelector('.pair-of-galleries [role=alert]')
  await page.waitForSelector('.side-hits img')
  assert.equal((await choice.nth(1).boundingBox())!.y, (await choice.nth(0).boundingBox())!.y)
})

test('the heading of confused labels is wholly in sight, whatever the width of their table', { skip }, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 390, height: 844 } })
  const labels = Array.from({ length: 12 }, (_, place) => `label ${place}`)
  const perLabel = labels.map((label) => ({ label, queries: 1, knnAccuracy: 0 }))
  const confusions = labels.map((label, place) => ({ label, votedLabel: labels[(place + 1) % 12], queries: 1 }))
  await page.route('**/v1/jobs/*/result', async (route) => {
    const evaluation = await (await route.fetch()).json()
    await route.fulfill({ json: { ...evaluation, quality: { ...evaluation.quality, perLabel, confusions } } })
  })
  await page.goto(`${base}#/quality/g`)
  await page.click('text=Evaluate')
  await page.waitForSelector('.confusion')
  const told = page.locator('text=vote of the ten best hits')
  const { x, width } = (await told.boundingBox())!
  assert.ok(x >= 0 && x + width <= 390)
})

test('long names, ids, labels and metadata without blanks widen neither page nor dialog', { skip }, async (t) => {
  const { page, base, app } = await opened(t, { viewport: { width: 390, height: 844 } })
  const [gallery, id, label] = ['g'.repeat(64), 'x'.repeat(300), 'L'.repeat(200)]
  const metadata = JSON.stringify({ ['k'.repeat(100)]: 'v'.repeat(300) })
  await app.call(201, { method: 'PUT', url: `/v1/galleries/${gallery}` })
  for (const [one, shape] of [
    [id, 'circle'],
    ['a', 'square'],
  ] as const)
    await app.call(201, {
      method: 'PUT',
      url: `/v1/galleries/${gallery}/images/${one}?${new URLSearchParams({ label, metadata }).toString()}`,
      payload: await drawImage(shape, 1),
      headers: { 'content-type': 'image/jpeg' },
    })
  const expectFits = async (selector: string, where: string) => {
    const beyond = `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('${selector}'))`
    assert.ok((await page.evaluate<number>(beyond)) <= 0, where)
  }
  for (const [address, shows] of [
    [`search/${gallery}?id=${id}`, '.score'],
    [`search/${gallery}?id=${id}&group=label`, '.hit-group'],
    [`gallery/${gallery}`, '.tile img'],
  ] as const) {
    await page.goto(`${base}#/${address}`)
    await page.waitForSelector(shows)
    await expectFits('html', address)
  }
  await page.click('#tile-1')
  await page.click('.panel-fold')
  for (const button of ['View the original', 'Settings', 'Delete gallery']) {
    await page.click(`button >> text=${button}`)
    await page.waitForSelector('dialog')
    await expectFits('dialog', button)
    await page.keyboard.press('Escape')
  }
})

const manyWords = 'a label of a great many words, which tell what all of its pictures are about '.repeat(2).trim()

test('findings with long labels are wholly in sight', { skip }, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 390, height: 844 } })
  const label = manyWords
  const images = ['0', '1'].map((id) => ({ id, label, contentHash: '', nearCopyScore: 0.9 }))
  const doubt = {
    id: '2',
    label,
    likelyLabel: label,
    ownShare: 0,
    likelyShare: 1,
    witnesses: [{ id: '3', score: 0.9 }],
  }
  const none = { count: 0, images: [] }
  const conflicts = { count: 1, groups: [{ labels: [label, 'square'], images, size: 2 }] }
  const diagnosis = { conflicts, doubts: { count: 1, images: [doubt] }, hubs: none, outliers: none }
  await page.route('**/v1/jobs?*', (route) => route.fulfill({ json: { jobs: [lookedForCopies] } }))
  await page.route('**/v1/jobs/first/result', (route) => route.fulfill({ json: diagnosis }))
  await page.goto(`${base}#/quality/g?view=labels`)
  await page.waitForSelector('.finding-witnesses')
  assert.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= 390)
})

test('the panel of a picture with a long label has all of its buttons in sight', { skip }, async (t) => {
  const { page, base, app } = await opened(t)
  await app.call(200, { method: 'PATCH', url: '/v1/galleries/g/images/0', payload: { label: manyWords } })
  await page.goto(`${base}#/gallery/g`)
  await page.waitForSelector('.tile img')
  await page.click('#tile-0')
  await page.waitForSelector('.selection-panel .chip')
  for (const width of [390, 900, 1280]) {
    await page.setViewportSize({ width, height: 844 })
    if (width === 390) await page.click('.panel-fold')
    const panel = (await page.locator('.selection-panel').boundingBox())!
    for (const one of await page.locator('.selection-panel :is(button, .button):visible').all()) {
      const { x, width: wide } = (await one.boundingBox())!
      assert.ok(x + wide <= panel.x + panel.width, `${await one.textContent()} at ${width}`)
    }
  }
})

test('the button of a long message keeps its width', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const body = JSON.stringify({ title: `It broke, ${'and broke '.repeat(20)}.`, code: 'internal' })
  await page.route('**/v1/galleries/g/feedback', (route) => route.fulfill({ ...problem, body }))
  await page.goto(`${base}#/search/g?id=0`)
  await page.locator('.verdict-right').first().click()
  const button = page.locator('.toast button')
  await button.waitFor()
  assert.ok((await button.boundingBox())!.height < 40)
})

test('facts fill their frame, and hits in groups stand side by side where there is room', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const rightOf = async (selector: string) => {
    const { x, width } = (await page.locator(selector).last().boundingBox())!
    return Math.round(x + width)
  }
  await page.setViewportSize({ width: 1000, height: 800 })
  await page.goto(`${base}#/operation/g`)
  await page.waitForSelector('.facts')
  assert.ok(Math.abs((await rightOf('.facts')) - (await rightOf('.facts > div'))) <= 2)
  await page.setViewportSize({ width: 1440, height: 800 })
  await page.goto(`${base}#/search/g?id=0&group=label`)
  const groups = page.locator('.hit-group')
  await groups.nth(1).waitFor()
  assert.equal((await groups.nth(0).boundingBox())!.y, (await groups.nth(1).boundingBox())!.y)
})

/** Content from strangers does no harm in the console; keys stay where they belong; and it works below a base path. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Route } from 'playwright-core'
import { makeKey } from '../../../src/access/api-keys.js'
import { startApp, type TestApp } from '../../support/app.js'
import { drawImage } from '../../support/drawn-images.js'
import { chromiumFile, openPage } from './chromium.js'
import { openBrowser } from './shared-browser.js'
import { until } from './walk.js'

const skip = chromiumFile === undefined ? 'there is no Chromium on this machine' : false
const harm = `<img src=x onerror="globalThis.harmed=1"><script>globalThis.harmed=1</script>`
const strange = [
  `${harm}`,
  `"'\`\${alert(1)}{{7*7}}`,
  'שלום עולם \u202Eexe.gpj',
  '👩‍👩‍👧‍👦🏳️‍🌈 ﷽',
  `javascript:alert(1)//${'long'.repeat(40)}`,
  '../../..%2f%00?a=b#c&d',
]

async function fill(app: TestApp, headers: Record<string, string> = {}): Promise<void> {
  await app.call(201, { method: 'PUT', url: '/v1/galleries/strange', headers })
  for (const [place, text] of strange.entries()) {
    // two copies, and another picture of the same label, without which there is nothing to evaluate
    for (const [copy, shape] of [
      ['a', 'circle'],
      ['b', 'circle'],
      ['c', 'square'],
    ] as const)
      await app.call(201, {
        method: 'PUT',
        url: `/v1/galleries/strange/images/${encodeURIComponent(`${text}${copy}`)}?${new URLSearchParams({
          label: text.slice(0, 200),
          metadata: JSON.stringify({ [text.slice(0, 60)]: text, list: [text, { inner: text }] }),
        }).toString()}`,
        payload: await drawImage(shape, place),
        headers: { 'content-type': 'image/jpeg', ...headers },
      })
  }
}

test('names, labels, ids and metadata with markup, script and unusual characters are shown as text everywhere', {
  skip,
}, async (t) => {
  const app = await startApp(t)
  await fill(app)
  const base = `${await app.listen()}/`
  const { page, expectQuiet } = await openPage(await openBrowser(t), base)
  const expectUnharmed = async () => {
    assert.equal(await page.evaluate('globalThis.harmed'), undefined)
    assert.equal(await page.locator('main script, main img[src=x], main iframe').count(), 0)
    expectQuiet()
  }
  await page.goto(base)
  await page.waitForSelector('.hit img')
  await page.locator('.hit-picture').first().click()
  await page.waitForSelector('.score')
  await page.click('text=As a call')
  await page.click('text=Add a condition')
  await page.selectOption('.controls select', 'label')
  await page.waitForSelector('.hit-group')
  await page.locator('.search-results', { hasText: harm }).waitFor()
  await expectUnharmed()

  await page.click('nav >> text=Gallery')
  await page.waitForSelector('.tile img')
  await page.click('#tile-3')
  await page.waitForSelector('.selection-panel .metadata')
  await expectUnharmed()

  await page.click('nav >> text=Quality')
  await page.click('text=Evaluate')
  await page.waitForSelector('.plot canvas >> nth=1')
  await page.click('.views >> text=Copies')
  await page.click('text=Look for copies')
  await page.waitForSelector('.finding')
  await expectUnharmed()

  await page.goto(
    `${base}#/search/strange?id=${encodeURIComponent(harm)}&filter=${encodeURIComponent(harm)}&region=${harm}`,
  )
  await page.waitForSelector('[role=alert]')
  await page.goto(`${base}#/search/${encodeURIComponent(harm)}`)
  await page.waitForSelector('text=There is no gallery called')
  assert.equal(await page.evaluate('globalThis.harmed'), undefined)
})

test('a key is requested once, kept for the session, and never in a URL', { skip }, async (t) => {
  const { key, line } = makeKey('reader', 'admin')
  const app = await startApp(t, { apiKeys: line })
  await fill(app, { authorization: `Bearer ${key}` })
  const base = `${await app.listen()}/`
  const { page, expectQuiet, allow } = await openPage(await openBrowser(t), base)
  allow(/401/)
  const addresses: string[] = []
  page.on('request', (request) => void addresses.push(request.url()))
  await page.goto(base)
  await page.fill('input[type=password]', 'alike_wrong')
  await page.click('text=Use this key')
  await page.waitForSelector('text=does not accept this key')
  // the field has the focus
  await page.keyboard.type(key)
  await page.keyboard.press('Enter')
  await page.waitForSelector('.hit img')
  await page.reload()
  await page.waitForSelector('.hit img')
  assert.equal(await page.locator('input[type=password]').count(), 0)
  assert.ok(addresses.length > 10 && addresses.every((address) => !address.includes(key)))
  assert.equal(await page.evaluate('JSON.stringify(localStorage).includes("alike_")'), false)
  await page.click('text=Forget key')
  await page.reload()
  await page.waitForSelector('input[type=password]')
  expectQuiet()
})

test('a question for a key that was closed is not asked again in the background, and a key given later loads the screen', {
  skip,
}, async (t) => {
  const { key, line } = makeKey('reader', 'admin')
  const app = await startApp(t, { apiKeys: line })
  await fill(app, { authorization: `Bearer ${key}` })
  const base = `${await app.listen()}/`
  const { page, allow } = await openPage(await openBrowser(t), base)
  allow(/401/)
  const giveKey = async (shows: string) => {
    await page.fill('input[type=password]', key)
    await page.click('text=Use this key')
    await page.waitForSelector(shows)
  }
  await page.goto(`${base}#/operation`)
  await giveKey('.plots')
  await page.click('text=Forget key')
  assert.equal(await page.inputValue('input[type=password]'), '', 'it is forgotten')
  await page.keyboard.press('Escape')
  for (let reads = 0; reads < 2; reads++) await page.waitForResponse('**/metrics')
  assert.equal(await page.locator('input[type=password]').count(), 0)
  await page.goto(`${base}#/networks`)
  await giveKey('main h2')
  await page.waitForSelector('[role=alert]', { state: 'detached' })
})

test('a key that stops being accepted is asked for again, and every screen is loaded again with the next one', {
  skip,
}, async (t) => {
  const { key, line } = makeKey('reader', 'admin')
  const app = await startApp(t, { apiKeys: line })
  await fill(app, { authorization: `Bearer ${key}` })
  const base = `${await app.listen()}/`
  const { page, allow } = await openPage(await openBrowser(t), base)
  allow(/401/)
  const giveKey = async () => {
    await page.fill('input[type=password]', key)
    await page.click('text=Use this key')
  }
  await page.goto(base)
  await giveKey()
  await page.waitForSelector('.hit img')
  for (const [address, shows] of [
    ['gallery/strange', '.tile img'],
    ['quality/strange', 'text=Each labelled picture queries all others'],
    [`search/strange?id=${encodeURIComponent(`${harm}a`)}`, '.score'],
  ] as const) {
    await page.route('**/v1/**', (route) => route.fulfill({ status: 401, json: { title: 'No.' } }))
    await page.goto(`${base}#/${address}`)
    await page.waitForSelector('input[type=password]')
    await page.unroute('**/v1/**')
    await giveKey()
    await page.waitForSelector(shows)
  }
})

test('a refusal of the previous key that arrives late does not question the present one', { skip }, async (t) => {
  const [first, second] = [makeKey('first', 'admin'), makeKey('second', 'admin')]
  const app = await startApp(t, { apiKeys: `${first.line},${second.line}` })
  await fill(app, { authorization: `Bearer ${first.key}` })
  const base = `${await app.listen()}/`
  const { page, allow } = await openPage(await openBrowser(t), base)
  allow(/401/)
  const giveKey = async (key: string) => {
    await page.fill('input[type=password]', key)
    await page.click('text=Use this key')
    await page.waitForSelector('.facts')
  }
  await page.goto(`${base}#/operation`)
  await giveKey(first.key)
  const held = new Promise<() => Promise<void>>((resolve) => {
    const hold = (route: Route) => resolve(() => route.fulfill({ status: 401, json: { title: 'No.' } }))
    void page.route('**/v1/jobs?*', hold, { times: 1 })
  })
  const refuse = await held
  await page.click('text=Forget key')
  await giveKey(second.key)
  await refuse()
  await page.waitForTimeout(500)
  assert.equal(await page.locator('input[type=password]').count(), 0)
})

test('if metrics have their own port, the operation screen says so and shows the jobs', {
  skip,
}, async (t) => {
  const app = await startApp(t, { metricsPort: 9100 })
  await fill(app)
  const base = `${await app.listen()}/`
  const { page, expectQuiet, allow } = await openPage(await openBrowser(t), base)
  allow(/404 .*\/metrics/)
  await page.goto(`${base}#/operation/strange`)
  await page.waitForSelector('text=METRICS_PORT')
  await page.waitForSelector('caption >> text=Jobs')
  assert.equal(await page.locator('.plot, [role=alert]').count(), 0)
  expectQuiet()
})

test('below a base path it finds its files and the service', { skip }, async (t) => {
  const app = await startApp(t, { basePath: '/pictures/alike' })
  await fill(app)
  const base = `${await app.listen()}/pictures/alike/`
  const { page, expectQuiet } = await openPage(await openBrowser(t), base.slice(0, -1))
  await page.goto(base.slice(0, -1))
  await page.waitForSelector('.hit img')
  await page.locator('.hit-picture').first().click()
  await page.waitForSelector('.score')
  await until(page, `location.pathname === '/pictures/alike/'`)
  await page.click('nav >> text=Operation')
  await page.waitForSelector('.facts')
  expectQuiet()
})

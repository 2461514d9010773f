/** What the console tells of numbers, choices and reasons is true, and enough to go on with. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../../support/app.js'
import { drawImage } from '../../support/drawn-images.js'
import { openPage } from './chromium.js'
import { openBrowser } from './shared-browser.js'
import { copiesOf, expectNone, filled, opened, openedWith, skip, withCopies, withMap } from './small-gallery.js'
import { untilTold } from './walk.js'

const broken = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('notes') }

test('the numbers and buttons of hits are explained, and buttons that are not there are not', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/search/g?id=0`)
  await page.click('text=What the numbers and buttons mean')
  await page.waitForSelector('text=Bold: the score')
  await page.waitForSelector('text=Right, Wrong: judge the hit.')
  assert.match(
    (await page.getByRole('button', { name: /^Like/ }).first().getAttribute('title')) ?? '',
    /More like this/,
  )

  const reading = await openedWith(t, 'reader', 'read')
  await reading.page.goto(`${reading.base}#/search/g?id=0`)
  await reading.page.click('text=What the numbers and buttons mean')
  await reading.page.waitForSelector('text=Bold: the score')
  await expectNone(reading.page, 'text=Right, Wrong')
})

test('an expanded query is named where its numbers are', { skip }, async (t) => {
  const { page, base, app } = await opened(t)
  await page.goto(`${base}#/search/g?id=0&expand=2`)
  await page.click('text=What the numbers and buttons mean')
  await page.waitForSelector('text=a cosine similarity to the expanded query.')
  await page.click('text=Only near-copies')
  await page.waitForSelector('text=a cosine similarity. Higher')

  await app.call(202, { method: 'POST', url: '/v1/galleries/g/evaluate', payload: { expand: 2 } })
  await page.goto(`${base}#/quality/g`)
  await page.waitForSelector('text=6 in all, each expanded by its 2 best hits.')
})

test('a search that finds nothing says what there is none of', { skip }, async (t) => {
  const { page, base } = await opened(t)
  const none = encodeURIComponent(JSON.stringify({ field: 'label', equals: 'nobody' }))
  for (const [settings, text] of [
    ['', 'This gallery has no other picture.'],
    [`&filter=${none}`, 'This gallery has no other picture that matches the filter.'],
    ['&copies=1', 'This gallery has no near-copy.'],
    [`&copies=1&filter=${none}`, 'This gallery has no near-copy that matches the filter.'],
  ] as const) {
    await page.route('**/v1/galleries/g/search', async (route) => {
      const answer = await (await route.fetch()).json()
      await route.fulfill({ json: { ...answer, hits: [] } })
    })
    await page.goto('about:blank')
    await page.goto(`${base}#/search/g?id=0${settings}`)
    await untilTold(page, '.search-results > .hint', new RegExp(`^${text.replaceAll('.', '\\.')}$`))
    await page.unrouteAll({ behavior: 'wait' })
  }
})

test('a file that the browser cannot show has no region to be drawn over it', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/search/g`)
  await page.setInputFiles('.query input[type=file]', broken)
  await page.waitForSelector('.query >> text=This browser cannot show it.')
  await expectNone(page, 'text=Drag over the picture')
  await page.setInputFiles('.query input[type=file]', {
    name: 'a.jpg',
    mimeType: 'image/jpeg',
    buffer: await drawImage('circle', 1),
  })
  await page.waitForSelector('text=Drag over the picture')
})

test('how many copies could be removed counts those that are still to be decided about', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await withCopies(page, ['0', '1', '2'], ['3', '4'])
  await page.goto(`${base}#/quality/g?view=copies`)
  await untilTold(page, '[role=status]', /^3 of 6 pictures could be removed\.$/)
  await page.waitForSelector('text=at least 0.4 for copies')
  await page.locator('.finding >> text=Not copies').first().click()
  await untilTold(page, '[role=status]', /^1 of 6 pictures could be removed; 1 group decided\.$/)
  await page.click('.finding >> text=Not copies')
  await untilTold(page, '[role=status]', /^0 of 6 pictures could be removed; 2 groups decided\.$/)
  await expectNone(page, 'text=at least 0.4 for copies')
})

test('pictures that could not be compared are told beside the copies', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await withCopies(page, ['0', '1'])
  for (const [notCompared, told] of [
    [1, '1 picture could only be checked for equal files'],
    [1_200, '1,200 pictures could only be checked for equal files'],
  ] as const) {
    await page.route('**/v1/jobs/first/result', (route) =>
      route.fulfill({ json: { ...copiesOf(['0', '1']), notCompared } }),
    )
    await page.goto('about:blank')
    await page.goto(`${base}#/quality/g?view=copies`)
    await page.waitForSelector(`text=${told}`)
  }
})

test('a map coloured by doubt says what is in doubt', { skip }, async (t) => {
  const { page, base } = await opened(t)
  await withMap(page, ['0', '1', '2'])
  await page.goto(`${base}#/map/g`)
  await page.selectOption('.toolbar select', 'doubt')
  await page.waitForSelector('.legend >> text=Judged by the nearest pictures, the label is:')
})

test('the name of a field can be read in a condition, on a phone too', { skip }, async (t) => {
  const { page, base } = await opened(t, { viewport: { width: 390, height: 844 } })
  await page.goto(
    `${base}#/search/g?id=0&filter=${encodeURIComponent(JSON.stringify({ field: 'metadata.rating', equals: 4 }))}`,
  )
  await page.click('text=Search options')
  assert.ok((await page.locator('[aria-label=Field]').boundingBox())!.width >= 150)
})

test('one query, one labelled picture and one that is left out are told in the singular', { skip }, async (t) => {
  const { page, base, app } = await opened(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/one' })
  const payload = await drawImage('circle', 1)
  const headers = { 'content-type': 'image/jpeg' }
  await app.call(201, { method: 'PUT', url: '/v1/galleries/one/images/a?label=x', payload, headers })
  await page.goto(`${base}#/quality/one`)
  await page.click('text=Evaluate')
  await page.waitForSelector(
    'text=0 queries, from 1 labelled picture of 1 in all; 1 is the only picture with its label and is left out.',
  )
})

test('what becomes of originals is told for each choice', { skip }, async (t) => {
  const app = await startApp(t)
  const base = `${await app.listen()}/`
  const { page } = await openPage(await openBrowser(t), base)
  await page.goto(base)
  await page.click('text=Options')
  await page.waitForSelector('text=Pictures can be viewed in full')
  await page.selectOption('.options select', 'reference')
  await page.waitForSelector('text=files uploaded from this page are refused')
  await page.selectOption('.options select', 'none')
  await page.waitForSelector('text=Pictures can be viewed as thumbnails only')
})

test('a picture is searched for by URL only where the service fetches it; otherwise the setting is named', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await page.goto(`${base}#/search/g?url=https://example.com/a.jpg`)
  await page.waitForSelector('[role=alert] >> text=URL_ALLOWED_HOSTS')
  await expectNone(page, '[aria-label="Address of a picture"]')

  const fetching = await filled(t, { urlAllowedHosts: 'images.example.com' })
  await page.goto(`${await fetching.listen()}/#/search/g`)
  await page.fill('[aria-label="Address of a picture"]', 'https://example.com/a.jpg')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert] >> text=This URL may not be fetched')
})

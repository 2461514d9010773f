/** Ids and names in scripts that are written from right to left. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { drawImage } from '../../support/drawn-images.js'
import { opened, skip, withCopies } from './small-gallery.js'

const id = 'תמונות/حديقة/חתול 12.jpg'

/** The parts of the first path matching `selector`, in the order in which they stand on the page, line by line. */
function partsInOrder(page: Page, selector: string): Promise<string[]> {
  return page
    .locator(selector)
    .first()
    .evaluate((path) =>
      [...path.querySelectorAll('bdi')]
        .map((part) => ({ text: part.textContent, ...part.getClientRects()[0]!.toJSON() }))
        .sort((a, b) => a.top - b.top || a.left - b.left)
        .map(({ text }) => text),
    )
}

test('the parts of a path stand in their order, whatever script they are in', { skip }, async (t) => {
  const { page, base, app } = await opened(t)
  await app.call(201, {
    method: 'PUT',
    url: `/v1/galleries/g/images/${encodeURIComponent(id)}`,
    payload: await drawImage('square', 3),
    headers: { 'content-type': 'image/jpeg' },
  })
  await withCopies(page, [id, '0'])
  const path = 'bdi[dir=ltr]:has-text("12.jpg"):has(bdi)'
  const named = encodeURIComponent(id)
  for (const [address, where, press] of [
    [`search/g?id=${named}`, '.example'],
    ['search/g?id=1', '.hit-metadata'],
    [`match/g?id=1&hit=${named}`, '.heat'],
    ['quality/g?view=copies', '.finding'],
    [`networks/g?id=${named}`, '.network'],
    ['gallery/g', '.selection-panel', '[role=option] >> nth=6'],
    ['gallery/g', 'dialog h2', 'text=View the original'],
  ] as const) {
    await page.goto(`${base}#/${address}`)
    if (press !== undefined) await page.click(press)
    await page.locator(`${where} ${path}`).first().waitFor({ state: 'attached' })
    assert.deepEqual(await partsInOrder(page, `${where} ${path}`), id.split('/'), address)
  }
})

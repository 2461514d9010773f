/** The search, and the explanation of a match. */
import assert from 'node:assert/strict'
import { drawImage } from '../../support/drawn-images.js'
import { until, untilTold, type Walk } from './walk.js'

export async function walkSearch({ page, look, step }: Walk): Promise<void> {
  const idOf = () => new URLSearchParams(new URL(page.url()).hash.split('?')[1]).get('id')
  const firstHit = page.locator('.search-results .hit').first()

  await step('a hit is the next query, and back goes back', async () => {
    await page.locator('.hit-picture').nth(3).click()
    await page.waitForSelector('.score')
    const first = idOf()
    await page.locator('.hit-picture').nth(2).click()
    await until(page, `!location.hash.includes(${JSON.stringify(encodeURIComponent(first!))})`)
    assert.notEqual(idOf(), first)
    await page.goBack()
    await until(page, `location.hash.includes(${JSON.stringify(encodeURIComponent(first!))})`)
    assert.equal(idOf(), first)
    await untilTold(page, '.verdict', /24 hits/)
    await untilTold(page, '.durations-text', /ms in the service/)
    await look('search')
  })

  await step('keys like, unlike, judge, and walk from hit to hit', async () => {
    await firstHit.locator('.hit-picture').focus()
    await page.keyboard.press('r')
    await page.waitForSelector('.verdict-right[aria-pressed=true]')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('x')
    await page.waitForSelector('.verdict-wrong[aria-pressed=true]')
    await page.keyboard.press('l')
    await page.waitForSelector('.opinions >> text=Also like these')
    await until(page, "!document.querySelector('[aria-busy=true]')")
    await page.locator('.search-results .hit-picture').nth(4).focus()
    await page.keyboard.press('u')
    await page.waitForSelector('.opinions >> text=Unlike these')
  })

  await step('filter, groups and the call to copy say the same', async () => {
    await page.click('text=Add a condition')
    const optionsOf = (select: string) => page.locator(`${select} option`).allTextContents()
    assert.ok((await optionsOf('select[aria-label=Field]')).includes('id'))
    assert.ok(!(await optionsOf('.field:has-text("Group by") select')).includes('id'))
    await page.selectOption('select[aria-label=Field]', 'metadata.place')
    await page.fill('input[aria-label=Value]', 'night')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await until(page, "location.hash.includes('night')")
    await page.selectOption('.controls select', 'label')
    await page.waitForSelector('.hit-group')
    await page.click('text=As a call')
    await untilTold(page, '.code >> nth=0', /"groupBy":"label".*"equals":"night"/)
    await untilTold(page, '.code >> nth=1', /new AlikeClient/)
    await look('filtered')
  })

  await step('a picture that is given is searched with, whole or in part', async () => {
    const buffer = await drawImage('circle', 4, { width: 320, height: 240 })
    await page.setInputFiles('.query input[type=file]', { name: 'given.jpg', mimeType: 'image/jpeg', buffer })
    await page.waitForSelector('.region-frame img')
    await page.waitForSelector('.verdict')
    const box = (await page.locator('.region-frame').boundingBox())!
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height * 0.2)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.8, box.y + box.height * 0.7, { steps: 4 })
    await page.mouse.up()
    await page.waitForSelector('.region-box')
    await until(page, "location.hash.includes('region=')")
    await until(page, "!document.querySelector('[aria-busy=true]')")
    await untilTold(page, '.verdict', /groups|hits/)
    await look('region')
  })

  await step('why it matched is told with a map on each picture', async () => {
    await page.click('.hit-actions a >> nth=0')
    await page.waitForSelector('canvas.heat-map >> nth=1')
    await page.click('text=As squares')
    await page.waitForSelector('.heat-cells')
    await page.click('text=Smooth')
    await untilTold(page, '[aria-label=Trust]', /false match rate/)
    await look('match')
  })
}

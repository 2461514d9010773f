/** Quality: the evaluation with its plots, and decisions on findings. */
import assert from 'node:assert/strict'
import { until, untilCounted, untilTold, type Walk } from './walk.js'

/** An analysis of thousands of pictures alongside other work. */
const jobMs = { timeout: 600_000 }

export async function walkQuality({ page, base, look, step }: Walk): Promise<void> {
  await step('the gallery is evaluated, with plots, intervals, confusions and the worst queries', async () => {
    await page.goto(`${base}#/quality/demo`)
    await page.click('text=Evaluate')
    await page.waitForSelector('.confusion', jobMs)
    await until(page, "document.querySelectorAll('.plot canvas').length === 2")
    await untilCounted(page, '.interval', 6)
    await untilTold(page, 'th', /^mean reciprocal rank$/)
    await untilTold(page, 'th', /^10-NN accuracy$/)
    await untilCounted(page, '[aria-label="Worst queries"] .hit', 10)
    await untilTold(page, 'caption', /As people judged: 2 hits of 1 query, from 2 judgements/)
    await untilTold(page, 'td', /^too few queries$/)
    await look('quality')
  })

  await step('a label in doubt is decided, and not asked again', async () => {
    await page.click('.views >> text=Labels')
    await page.click('text=Look for wrong labels')
    const doubts = page.locator('[aria-label="Labels in doubt"] .finding')
    await doubts.first().waitFor(jobMs)
    await look('labels')
    const name = await doubts.first().locator('a').first().getAttribute('aria-label')
    await doubts.first().locator('button.primary').click()
    await page.waitForSelector('text=1 decided')
    const found = page.waitForResponse((answer) => /\/v1\/jobs\/[^/]+\/result$/.test(answer.url()), jobMs)
    await page.click('text=Look for wrong labels again')
    await found
    await doubts.first().waitFor()
    // it may still be shown as a witness of another finding
    const asked = doubts.locator(`xpath=./div[contains(@class, "finding-picture")]/a`)
    const names = await asked.evaluateAll((links) => links.map((link) => link.getAttribute('aria-label')))
    assert.ok(!names.includes(name), `${name} is asked about again`)
  })

  await step('of copies one is kept', async () => {
    await page.click('.views >> text=Copies')
    await page.click('text=Look for copies')
    const groups = page.locator('[aria-label="Groups of copies"] .finding')
    await groups.first().waitFor(jobMs)
    await look('copies')
    const before = await groups.count()
    await groups.first().locator('text=Keep only this').first().click()
    await page.waitForSelector('text=1 group decided')
    await until(page, `document.querySelectorAll('[aria-label="Groups of copies"] .finding').length === ${before - 1}`)
  })
}

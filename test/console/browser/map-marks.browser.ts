/** What the map draws is what its legend says, in the theme that is shown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { opened, skip } from './small-gallery.js'
import { until } from './walk.js'

const labels = Array.from({ length: 10 }, (_, place) => `label ${place}`)

/** One point for each label, from left to right, of pictures that have no thumbnails. */
const layout = {
  points: labels.map((label, place) => ({ id: label, x: place / 5 - 0.9, y: 0, label, doubt: place / 10 })),
  pictures: labels.length,
  stale: false,
  madeAt: '2026-01-01T00:00:00Z',
}

/** Colours at these points of the canvas, and how many pixels around each are coloured. */
const drawn = `(() => {
  const canvas = document.querySelector('.map-canvas')
  const brush = canvas.getContext('2d')
  return ${JSON.stringify(layout.points.map(({ x }) => x))}.map((x) => {
    const scale = Math.min(canvas.width, canvas.height) / 2 * 0.92
    const [left, top] = [canvas.width / 2 + x * scale, canvas.height / 2]
    const [red, green, blue] = brush.getImageData(left, top, 1, 1).data
    const around = brush.getImageData(left - 7, top - 7, 14, 14).data
    const corner = around[(4 * (14 * 3 + 3)) + 3] > 0
    return { colour: 'rgb(' + [red, green, blue].join(', ') + ')', corner }
  })
})()`
const legend = `[...document.querySelectorAll('.legend path')].map((path) => getComputedStyle(path).fill)`
interface Drawn {
  colour: string
  corner: boolean
}

test('each label has the colour of the legend on the map, in both themes, and more than eight differ in shape', {
  skip,
}, async (t) => {
  const { page, base } = await opened(t)
  await page.route('**/v1/galleries/g/layout*', (route) => route.fulfill({ json: layout }))
  await page.goto(`${base}#/map/g`)
  await page.waitForSelector('.legend path')
  const seen: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    const named = await page.evaluate<string[]>(legend)
    assert.equal(named.length, labels.length)
    await until(page, `${drawn}[1].colour === ${legend}[1] && ${drawn}[7].colour === ${legend}[7]`)
    const points = await page.evaluate<Drawn[]>(drawn)
    assert.deepEqual(
      points.map(({ colour }) => colour),
      named,
    )
    assert.equal(points[0]!.colour, points[8]!.colour)
    seen.push(points[0]!.colour)
  }
  assert.notEqual(seen[0], seen[1])
  const outlines = await page.evaluate<string[]>(
    `[...document.querySelectorAll('.legend path')].map((path) => path.getAttribute('d'))`,
  )
  assert.equal(new Set(outlines).size, 2)
  assert.notEqual(outlines[0], outlines[8])
  // a triangle has nothing in the corner of a disc
  const [first, , , , , , , , ninth] = await page.evaluate<Drawn[]>(drawn)
  assert.notEqual(first!.corner, ninth!.corner)
})

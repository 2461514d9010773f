/** The map: positions, and the inside of a lasso. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { markOfDoubt, marksOfLabels, otherMark, unlabelledMark } from '../../src/console/map/map-marks.js'
import {
  isInside,
  type Point,
  panned,
  pinched,
  pointAt,
  toMap,
  toPixels,
  wholeMap,
  zoomed,
} from '../../src/console/map/view.js'

const frame = { width: 800, height: 600 }
const near = (a: Point, b: Point) => Math.abs(a.x - b.x) < 1e-9 && Math.abs(a.y - b.y) < 1e-9

test('the whole map is visible at first, and pixels convert to positions and back', () => {
  const view = wholeMap(frame)
  for (const corner of [
    { x: -1, y: -1 },
    { x: 1, y: 1 },
  ]) {
    const pixel = toPixels(view, frame, corner)
    assert.ok(pixel.x >= 0 && pixel.x <= frame.width && pixel.y >= 0 && pixel.y <= frame.height)
    assert.ok(near(toMap(view, frame, pixel), corner))
  }
})

test('zooming keeps the position under the pointer, and is bounded', () => {
  const pixel = { x: 620, y: 140 }
  const view = wholeMap(frame)
  const before = toMap(view, frame, pixel)
  const closer = zoomed(view, frame, pixel, 3)
  assert.ok(near(toMap(closer, frame, pixel), before))
  assert.ok(Math.abs(closer.scale / view.scale - 3) < 1e-9)
  assert.equal(zoomed(view, frame, pixel, 1e9).scale, zoomed(view, frame, pixel, 1e12).scale)
  assert.ok(zoomed(view, frame, pixel, 1e-9).scale >= view.scale / 2)
})

test('dragging follows the pointer', () => {
  const view = zoomed(wholeMap(frame), frame, { x: 0, y: 0 }, 2)
  const place = { x: 0.2, y: -0.3 }
  const before = toPixels(view, frame, place)
  const after = toPixels(panned(view, { x: 30, y: -10 }), frame, place)
  assert.ok(near(after, { x: before.x + 30, y: before.y - 10 }))
})

test('two fingers zoom about their middle, and move what is under it', () => {
  const view = wholeMap(frame)
  const [before, after]: [Point, Point][] = [
    [
      { x: 200, y: 100 },
      { x: 400, y: 100 },
    ],
    [
      { x: 250, y: 160 },
      { x: 650, y: 160 },
    ],
  ]
  const closer = pinched(view, frame, before!, after!)
  assert.ok(Math.abs(closer.scale / view.scale - 2) < 1e-9)
  assert.ok(near(toMap(closer, frame, { x: 450, y: 160 }), toMap(view, frame, { x: 300, y: 100 })))
  const [one] = before!
  assert.deepEqual(pinched(view, frame, [one, one], [one, one]), view, 'fingers at one place do not zoom')
})

test('the point nearest to a pixel is hit, if it is within reach', () => {
  const view = wholeMap(frame)
  const points = [
    { id: 'a', x: 0, y: 0 },
    { id: 'b', x: 0.1, y: 0 },
  ]
  const pixel = toPixels(view, frame, { x: 0.08, y: 0 })
  assert.equal(pointAt(points, view, frame, pixel, 30)?.id, 'b')
  assert.equal(pointAt(points, view, frame, { x: 10, y: 10 }, 30), undefined)
})

test('a lasso has an inside, also if it is concave', () => {
  const bent = [
    { x: 0, y: 0 },
    { x: 4, y: 0 },
    { x: 4, y: 4 },
    { x: 2, y: 1 },
    { x: 0, y: 4 },
  ]
  assert.equal(isInside({ x: 0.5, y: 2 }, bent), true)
  assert.equal(isInside({ x: 2, y: 2 }, bent), false)
  assert.equal(isInside({ x: 5, y: 1 }, bent), false)
  assert.equal(isInside({ x: 1, y: 1 }, []), false)
})

test('frequent labels have their own marks; the others share one, and pictures without a label another', () => {
  const points = Array.from({ length: 40 }, (_, place) => ({ label: `l${place}`, doubt: null }))
  const marks = marksOfLabels([...points, ...Array(50).fill({ label: null, doubt: 0 }), { label: 'l7', doubt: null }])
  assert.deepEqual([...marks.keys()].slice(0, 2), [null, 'l7'])
  const given = new Set([...marks.values()].map(({ colour, shape }) => `${colour} ${shape}`))
  assert.equal(given.size, 8 * 4 + 2)
  assert.deepEqual(marks.get('l7'), { colour: 'map-1', shape: 'disc' })
  assert.equal([...marks.values()].filter((mark) => mark === otherMark).length, 40 - 32)
  assert.notDeepEqual(otherMark, unlabelledMark)
})

test('a doubted label has another colour than a sure one', () => {
  assert.equal(markOfDoubt(null), unlabelledMark)
  assert.deepEqual(
    [0, 0.5, 1].map((doubt) => markOfDoubt(doubt).colour),
    ['doubt-1', 'doubt-3', 'doubt-5'],
  )
})

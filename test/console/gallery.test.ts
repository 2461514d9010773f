/** The wall of pictures: keyboard selection, filtering, and sending files. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { added, afterKey, extended, nothingChosen, toggled } from '../../src/console/gallery/selection.js'
import { batchesOf } from '../../src/console/upload/batches.js'

const list = Array.from({ length: 20 }, (_, place) => ({ id: String(place) }))
const press = (key: string, from = nothingChosen, shift = false, control = false) =>
  afterKey(from, list, { key, shift, control }, { perRow: 6, count: 20 })

test('arrow keys move by one and by a row, and stay inside the list', () => {
  const at = (cursor: number) => ({ ...nothingChosen, cursor })
  for (const [key, from, to] of [
    ['ArrowRight', 0, 1],
    ['ArrowLeft', 0, 0],
    ['ArrowDown', 3, 9],
    ['ArrowDown', 18, 19],
    ['ArrowUp', 9, 3],
    ['End', 2, 19],
    ['Home', 9, 0],
  ] as const)
    assert.equal(press(key, at(from))!.cursor, to, `${key} from ${from}`)
  assert.equal(press('x'), undefined)
  const ofMany = afterKey(
    nothingChosen,
    list,
    { key: 'End', shift: false, control: false },
    { perRow: 6, count: 100_000 },
  )
  assert.equal(ofMany!.cursor, 99_999, 'the end of the list, even where it had not been read yet')
})

test('space toggles the selection, Shift extends it, Control-A selects all, Escape none', () => {
  const one = press(' ', { ...nothingChosen, cursor: 3 })!
  assert.deepEqual([...one.ids], ['3'])
  assert.deepEqual([...press(' ', one)!.ids], [])
  assert.deepEqual([...press('ArrowDown', one, true)!.ids], ['3', '4', '5', '6', '7', '8', '9'])
  assert.equal(press('a', one, false, true)!.ids.size, 20)
  assert.equal(press('Escape', one)!.ids.size, 0)
})

test('Shift and Space select everything since the picture that was chosen last, wherever the cursor has been', () => {
  const one = press(' ', { ...nothingChosen, cursor: 3 })!
  const moved = press('ArrowDown', press('ArrowRight', one))!
  assert.equal(moved.cursor, 10)
  const range = press(' ', moved, true)!
  assert.deepEqual([...range.ids], ['3', '4', '5', '6', '7', '8', '9', '10'])
  assert.deepEqual([...press('ArrowRight', range, true)!.ids], [...range.ids, '11'])
})

test('a held picture begins a range of its own, beside what was selected', () => {
  const held = added(toggled(nothingChosen, list, 1), list, 5)
  assert.deepEqual([...held.ids], ['1', '5'])
  assert.deepEqual([...extended(held, list, 7).ids], ['1', '5', '6', '7'])
  assert.deepEqual([...added(held, list, 5).ids], ['1', '5'])
})

test('a Shift-click selects back to the last click', () => {
  const clicked = toggled(nothingChosen, list, 5)
  assert.deepEqual([...extended(clicked, list, 3).ids].sort(), ['3', '4', '5'])
  assert.equal(toggled(nothingChosen, list, 99).ids.size, 0)
})

test('files are sent in uploads of bounded size, in order', () => {
  const files = (sizes: number[]) => sizes.map((size) => ({ file: { size } }))
  const sizes = (of: number[]) => batchesOf(files(of)).map((batch) => batch.length)
  assert.deepEqual(sizes([]), [])
  assert.deepEqual(sizes(Array.from({ length: 1_001 }, () => 1)), [500, 500, 1])
  assert.deepEqual(sizes([200e6, 1, 40e6, 40e6]), [1, 2, 1])
})

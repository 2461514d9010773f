import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { inFreePlaces } from '../../src/http/free-places.js'

/** A number of places, and the maximum taken at any time. */
function places(free: number) {
  const state = { taken: 0, most: 0 }
  const tryEnter = () => {
    if (state.taken >= free) return undefined
    state.taken++
    state.most = Math.max(state.most, state.taken)
    return () => void state.taken--
  }
  return { state, tryEnter }
}

const items = Array.from({ length: 20 }, (_, i) => i)

for (const [free, sideBySideMax, expected] of [
  [0, 4, 1],
  [1, 4, 2],
  [100, 4, 4],
  [100, 1, 1],
] as const) {
  test(`with ${free} places free and at most ${sideBySideMax} concurrent, ${expected} run at once, and all finish in order`, async () => {
    const { state, tryEnter } = places(free)
    let working = 0
    let most = 0
    const results = await inFreePlaces(items, { sideBySideMax, tryEnter }, async (item) => {
      most = Math.max(most, ++working)
      for (let turn = 0; turn < 3; turn++) await nextTurn()
      working--
      return item * 2
    })
    assert.deepEqual(
      results,
      items.map((item) => item * 2),
    )
    assert.deepEqual([most, state.most, state.taken], [expected, expected - 1, 0])
  })
}

test('a failure is reported when nothing is running any more, and every place is freed', async () => {
  const { state, tryEnter } = places(3)
  let working = 0
  await assert.rejects(
    inFreePlaces(items, { sideBySideMax: 4, tryEnter }, async (item) => {
      working++
      await nextTurn()
      working--
      if (item === 2 || item === 5) throw new Error('left')
    }),
    /left/,
  )
  assert.deepEqual([working, state.taken], [0, 0])
})

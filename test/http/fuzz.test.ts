/** A few hundred damaged requests; `test/long/fuzz.long.ts` sends thousands. */
import { test } from 'node:test'
import { expectUnharmed } from '../support/fuzzed-service.js'

test('damaged pictures, bodies and requests do no harm', async (t) => {
  await expectUnharmed(t, { images: 150, bodies: 80, shapes: 80, raw: 40, seed: 1 }, 1.6)
})

/**
 * Thousands of damaged pictures, bodies and requests against a started service. Not part of `npm test`.
 *
 *     FUZZ_CASES=5000 FUZZ_SEED=1 node --test dist/test/long/fuzz.long.js
 *
 * `FUZZ_ONLY=5278` repeats one case, as named by a fault, with the same counts.
 */
import { test } from 'node:test'
import { expectUnharmed } from '../support/fuzzed-service.js'

const cases = Number(process.env.FUZZ_CASES ?? 5_000)
const only = process.env.FUZZ_ONLY
const seed = Number(process.env.FUZZ_SEED ?? 1)

test(`${cases} damaged pictures, as many bodies and a tenth of raw requests do no harm`, {
  timeout: 3_600_000,
}, async (t) => {
  await expectUnharmed(
    t,
    {
      images: cases,
      bodies: cases,
      shapes: cases,
      raw: Math.ceil(cases / 10),
      seed,
      ...(only !== undefined && { only: Number(only) }),
    },
    1.3,
  )
})

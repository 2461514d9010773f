import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failuresOf } from '../../../../src/train/onnx/precisions/precision-gate.js'

const bounds = { maxLoss: 0.001, maxCopiesLoss: 0.01, minCosine: 0.999 }

/** @param lost of the copies that fp32 finds */
function failures(pictures: number, lost: number): string[] {
  const copies = 1 - lost / (6 * pictures)
  const fp32 = { mAP10: 1, copies: 1, cpuMs: 1 }
  return failuresOf({
    pictures,
    mAP10: 1,
    overlapAt10: 1,
    copies,
    fp32,
    minCosine: 1,
    meanCosine: 1,
    cpuMs: 1,
    speedup: 1,
    bounds,
  })
}

test('a precision may lose one edited copy of few, which is chance; of many, one in a hundred', () => {
  assert.deepEqual(
    [failures(12, 1), failures(12, 2), failures(150, 8), failures(150, 10)].map(({ length }) => length),
    [0, 1, 0, 1],
  )
})

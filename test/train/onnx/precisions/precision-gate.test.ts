import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failuresOf } from '../../../../src/train/onnx/precisions/precision-gate.js'

const bounds = { maxLoss: 0.001, maxCopiesLoss: 0.01, minCosine: 0.999 }
const perfect = {
  pictures: 100,
  mAP10: 1,
  overlapAt10: 1,
  copies: 1,
  fp32: { mAP10: 1, copies: 1, cpuMs: 1 },
  minCosine: 1,
  meanCosine: 1,
  cpuMs: 1,
  speedup: 1,
  bounds,
}

/** @param lost of the copies that fp32 finds */
function failures(pictures: number, lost: number): string[] {
  return failuresOf({ ...perfect, pictures, copies: 1 - lost / (6 * pictures) })
}

test('a precision may lose one edited copy of few, which is chance; of many, one in a hundred', () => {
  assert.deepEqual(
    [failures(12, 1), failures(12, 2), failures(150, 8), failures(150, 10)].map(({ length }) => length),
    [0, 1, 0, 1],
  )
})

test('without labels the nearest pictures and the mean cosine decide', () => {
  const unlabelled = { maxCopiesLoss: 0.01, minCosine: 0.9, minOverlapAt10: 0.85, minMeanCosine: 0.99 }
  const found = (numbers: Partial<typeof perfect>) => failuresOf({ ...perfect, ...numbers, bounds: unlabelled })
  assert.deepEqual(found({ mAP10: 0, overlapAt10: 0.86, meanCosine: 0.991 }), [])
  assert.deepEqual(found({ overlapAt10: 0.84, meanCosine: 0.989 }), [
    'of ten nearest pictures 8.4 are those of fp32, at least 8.5 are needed',
    'its mean cosine to fp32 is 0.98900, at least 0.99 is needed',
  ])
  assert.equal(found({ overlapAt10: NaN, meanCosine: NaN }).length, 2)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CalibrationBasis, ScoreCalibration } from '../../src/eval/score-calibration.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'

const calibrationOf = (positives: number, negatives: number): ScoreCalibration => ({
  curve: { kind: 'logistic', slope: 20, intercept: -18 },
  positives,
  negatives,
  sameLabelShare: positives / (positives + negatives),
  expectedCalibrationError: 0.01,
  errorsTried: { logistic: 0.01 },
  reliability: [],
  thresholds: [{ falseMatchRate: 0.1, score: 0.5, matchRate: 0.9 }],
})
type Told = { calibration?: CalibrationBasis | null; score: number; pSame?: number }

for (const [positives, negatives, reliable] of [
  [15, 900, false],
  [499, 5_000, false],
  [5_000, 499, false],
  [500, 500, true],
] as const) {
  test(`every probability shown is accompanied by its basis of ${positives} and ${negatives} pairs`, async (t) => {
    const { folder } = await handmadeModel(t, { dimension: 24, calibration: calibrationOf(positives, negatives) })
    const app = await startApp(t, { modelDir: folder })
    const picture = await drawImage('circle', 1, { format: 'png' })
    await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
    for (const id of ['a', 'b'])
      await app.call(201, {
        method: 'PUT',
        url: `/v1/galleries/g/images/${id}`,
        headers: { 'content-type': 'image/png' },
        payload: picture,
      })
    const basis = { split: 'val', positivePairs: positives, negativePairs: negatives, reliable }

    const [listed] = (await app.call<{ models: Told[] }>(200, { url: '/v1/models' })).models
    assert.deepEqual(listed?.calibration, basis)
    assert.deepEqual((await app.call<Told>(200, { url: '/v1/models/handmade' })).calibration, basis)
    const search = { imageId: 'a', paged: true, includeSelf: true, k: 1 }
    const found = await app.call<Told & { nextPageToken: string }>(200, {
      method: 'POST',
      url: '/v1/galleries/g/search',
      payload: search,
    })
    assert.deepEqual(found.calibration, basis)
    assert.deepEqual(
      (
        await app.call<Told>(200, {
          method: 'POST',
          url: '/v1/galleries/g/search',
          payload: { pageToken: found.nextPageToken },
        })
      ).calibration,
      basis,
    )
    const { answers } = await app.call<{ answers: { answer: Told }[] }>(200, {
      method: 'POST',
      url: '/v1/galleries/g/search/batch',
      payload: { queries: [search] },
    })
    assert.deepEqual(answers[0]!.answer.calibration, basis)
    const image = picture.toString('base64')
    const compared = await app.call<Told>(200, {
      method: 'POST',
      url: '/v1/compare',
      payload: { images: [image, image] },
    })
    assert.deepEqual(compared.calibration, basis)
    assert.ok(compared.pSame! > 0.8)
  })
}

test('a calibration widened because of few pairs says so', async (t) => {
  const { folder } = await handmadeModel(t, {
    dimension: 24,
    calibration: { ...calibrationOf(15, 900), widened: true },
  })
  const app = await startApp(t, { modelDir: folder })
  const { calibration } = await app.call<Told>(200, { url: '/v1/models/handmade' })
  assert.deepEqual(calibration, { split: 'val', positivePairs: 15, negativePairs: 900, reliable: false, widened: true })
})

test('an uncalibrated model shows neither', async (t) => {
  const app = await startApp(t)
  const image = (await drawImage('circle', 1, { format: 'png' })).toString('base64')
  const compared = await app.call<Told>(200, {
    method: 'POST',
    url: '/v1/compare',
    payload: { images: [image, image] },
  })
  assert.equal('pSame' in compared || 'calibration' in compared, false)
  assert.equal((await app.call<Told>(200, { url: '/v1/models/handmade' })).calibration, null)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../../src/eval/random.js'
import { quantiseKernel, unsignedSteps } from '../../../../src/train/onnx/precisions/eight-bits.js'
import { ValueHistogram } from '../../../../src/train/onnx/precisions/value-histogram.js'

/** Approximately normal, deviation 1: the sum of twelve uniform numbers. */
function normals(count: number): Float32Array {
  const random = seededRandom(5)
  return Float32Array.from({ length: count }, () =>
    Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, -6),
  )
}

function histogramOf(...parts: Float32Array[]): ValueHistogram {
  const histogram = new ValueHistogram()
  for (const part of parts) histogram.add(part)
  return histogram
}

test('min-max covers all observed values, in any order', () => {
  const parts = [Float32Array.of(0.001, -2), Float32Array.of(700, 3), Float32Array.of(0, 5)]
  assert.deepEqual(histogramOf(...parts).range('min-max'), { low: -2, high: 700 })
  assert.deepEqual(histogramOf(...parts.reverse()).range('min-max'), { low: -2, high: 700 })
  assert.deepEqual(histogramOf(Float32Array.of(0, 0)).range('least-error'), { low: 0, high: 0 })
})

test('percentile and least-error clip a single outlier', () => {
  const histogram = histogramOf(normals(50_000), Float32Array.of(300))
  const percentile = histogram.range('percentile')
  assert.ok(
    percentile.high > 3 && percentile.high < 4.2 && percentile.low < -3 && percentile.low > -4.2,
    JSON.stringify(percentile),
  )
  const { high } = histogram.range('least-error')
  assert.ok(high > 3 && high < 300, String(high))
})

test('without outliers the least error keeps nearly the whole range', () => {
  const { low, high } = histogramOf(normals(50_000)).range('least-error')
  assert.ok(low < -2.5 && high > 2.5, `${low} ${high}`)
})

test('a non-finite value is refused', () => {
  assert.throws(() => histogramOf(Float32Array.of(1, NaN, Infinity)), RangeError)
})

test('zero is one of the steps', () => {
  for (const range of [
    { low: -1, high: 3 },
    { low: 0, high: 6 },
    { low: -5, high: 0 },
    { low: 0.5, high: 2 },
    { low: 0, high: 0 },
  ]) {
    const { scale, zeroPoint } = unsignedSteps(range)
    assert.ok(scale > 0 && Number.isInteger(zeroPoint) && zeroPoint >= 0 && zeroPoint <= 255)
    assert.ok((255 - zeroPoint) * scale >= range.high - scale)
  }
})

/** [outputs, inputs, …] */
const kernelOf = (weights: number[] | Float32Array, outputs: number, inputs: number) => ({
  weights: Float32Array.from(weights),
  outputs,
  inputs,
})

test('two weights that are multiplied as a pair fit into 16 bits, and lose the same', () => {
  const stepsOf = (weights: number[], inputs: number) => [
    ...quantiseKernel({
      kernel: kernelOf(weights, 1, inputs),
      bias: Float32Array.of(0),
      inputScale: 1,
      groups: 1,
      searched: Float64Array.of(1),
    }).values,
  ]
  // one place: pairs are neighbours; those of different signs may both be large
  assert.deepEqual(
    stepsOf([127, 127, -127, 127, -127, -80, 100, 28, 90], 9),
    [64, 64, -127, 127, -87, -41, 100, 28, 90],
  )
  // two inputs, two places: [a0 a1 b0 b1] is multiplied as (a0 b0) (a1 b1)
  assert.deepEqual(stepsOf([127, 127, 1, -127], 2), [127, 127, 1, -127])
  assert.deepEqual(stepsOf([127, 1, 127, -127], 2), [64, 1, 64, -127])
  // a depthwise kernel is not multiplied in pairs
  assert.deepEqual(stepsOf([127, 127, 1, -127], 1), [127, 127, 1, -127])
})

test('where most pairs are too large, the steps become coarser instead', () => {
  const kernel = kernelOf([1, 0.9, 1, 0.8, 1, 0.9], 1, 6)
  const { values, scales } = quantiseKernel({ kernel, bias: Float32Array.of(0), inputScale: 1, groups: 1 })
  assert.ok(scales[0]! > 1.3 / 127)
  kernel.weights.forEach((weight, i) => assert.ok(Math.abs(values[i]! * scales[0]! - weight) < 0.06))
  for (const k of [0, 2, 4]) assert.ok(values[k]! + values[k + 1]! <= 128)
})

test('each output of a kernel has its own scale, and a channel without weights keeps its bias', () => {
  const kernel = kernelOf([1, -127, 0.5, 0.25, 0, 0], 3, 1)
  const { values, scales, bias } = quantiseKernel({
    kernel,
    bias: Float32Array.of(10, -1, 1000),
    inputScale: 0.5,
    groups: 1,
  })
  assert.deepEqual([...values], [1, -127, 127, 64, 0, 0])
  ;[10, -1, 1000].forEach((expected, i) =>
    assert.ok(Math.abs(bias[i]! * scales[i]! * 0.5 - expected) < 0.01 * Math.abs(expected)),
  )
})

test('a few large weights are clipped if that makes the steps finer for many others', () => {
  const weights = Float32Array.from({ length: 4_000 }, (_, i) => (i === 0 ? 1 : 0.95 * Math.sin(i * 1.7)))
  const kernel = kernelOf(weights, 1, 1)
  const { values, scales } = quantiseKernel({ kernel, bias: Float32Array.of(0), inputScale: 1, groups: 1 })
  const error = (scale: number) =>
    weights.reduce(
      (sum, weight) => sum + (Math.max(-127, Math.min(127, Math.round(weight / scale))) * scale - weight) ** 2,
      0,
    )
  assert.equal(values[0], 127)
  assert.ok(scales[0]! < 1 / 127 && error(scales[0]!) < error(1 / 127))
})

test('the average effect of rounded weights is subtracted from the bias, group by group', () => {
  // two outputs in two groups, each reading one channel with a window of two
  const weights = Float32Array.of(1, 0.4 / 127, 1, 0.4 / 127)
  const kernel = kernelOf(weights, 2, 1)
  const means = Float32Array.of(10, 20)
  const of = (inputMeans?: Float32Array) =>
    quantiseKernel({
      kernel,
      bias: Float32Array.of(5, 5),
      inputScale: 0.001,
      ...(inputMeans && { inputMeans }),
      groups: 2,
    })
  const output = ({ values, scales, bias }: ReturnType<typeof of>, channel: number) =>
    [0, 1].reduce(
      (sum, i) => sum + values[channel * 2 + i]! * scales[channel]! * means[channel]!,
      bias[channel]! * scales[channel]! * 0.001,
    )
  for (const channel of [0, 1]) {
    const exact = (weights[0]! + weights[1]!) * means[channel]! + 5
    assert.ok(Math.abs(output(of(means), channel) - exact) < 1e-3)
    assert.ok(Math.abs(output(of(), channel) - exact) > 0.02)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/eval/random.js'
import { loadFastest, loadNative, type NativeBuild } from '../../src/native-build.js'
import type { NativePixels, Parts } from '../../src/pixels/native-pixels.js'

const { build } = loadFastest<NativePixels>('alike-pixels')
const builds: NativeBuild[] = build === 'avx2' ? ['portable', 'avx2'] : ['portable']
const random = seededRandom(5)
const below = (limit: number) => Math.floor(random() * limit)
const ints = (length: number, value: (i: number) => number) => Int32Array.from({ length }, (_, i) => value(i))

const [width, height, columns, rows] = [13, 9, 21, 17]
const rgb = Uint8Array.from({ length: width * height * 3 }, () => below(256))

for (const which of builds) {
  const native = loadNative<NativePixels>('alike-pixels', which)
  const at = (line: number, pixel: number, channel: number) => rgb[(line * width + pixel) * 3 + channel]!

  test(`${which}: four pixels are weighted for each new one`, () => {
    const across = ints(columns, () => below(4_097))
    const down = ints(rows, () => below(4_097))
    const left = ints(columns, () => below(width - 1))
    const above = ints(rows, () => below(height - 1))
    const [right, under] = [left.map((x) => x + 1), above.map((y) => y + 1)]
    const found = new Uint8Array(columns * rows * 3)
    native.interpolate(rgb, width * 3, left, right, across, above, under, down, found)
    found.forEach((value, i) => {
      const [column, row, channel] = [Math.floor(i / 3) % columns, Math.floor(i / 3 / columns), i % 3]
      const [x, y] = [across[column]!, down[row]!]
      const belowRight = (y * x) >> 12
      const aboveRight = ((4_096 - y) * x) >> 12
      const sum =
        (4_096 - y - aboveRight) * at(above[row]!, left[column]!, channel) +
        aboveRight * at(above[row]!, right[column]!, channel) +
        (y - belowRight) * at(under[row]!, left[column]!, channel) +
        belowRight * at(under[row]!, right[column]!, channel)
      assert.equal(value, (sum + 2_048) >> 12, `${i}`)
    })
  })

  test(`${which}: sixteen pixels are weighted for each new one, and the result is clamped`, () => {
    const taps = (count: number, length: number) => {
      const first = ints(count, () => below(length + 2) - 2)
      return ints(count * 4, (i) => Math.min(length - 1, Math.max(0, first[i >> 2]! + (i & 3))))
    }
    const [columnTaps, rowTaps] = [taps(columns, width), taps(rows, height)]
    const weights = (count: number) => ints(count * 4, () => below(6_000) - 1_500)
    const [columnWeights, rowWeights] = [weights(columns), weights(rows)]
    const found = new Uint8Array(columns * rows * 3)
    native.convolve(rgb, width * 3, columnTaps, columnWeights, rowTaps, rowWeights, found)
    const sumOf = (value: (tap: number) => number) =>
      ([0, 1, 2, 3].reduce((sum, tap) => sum + value(tap), 0) + 2_048) >> 12
    let clamped = 0
    found.forEach((value, i) => {
      const [column, row, channel] = [Math.floor(i / 3) % columns, Math.floor(i / 3 / columns), i % 3]
      const exact = sumOf((tap) => {
        const line = rowTaps[row * 4 + tap]!
        const widened = sumOf((k) => columnWeights[column * 4 + k]! * at(line, columnTaps[column * 4 + k]!, channel))
        return rowWeights[row * 4 + tap]! * widened
      })
      if (exact < 0 || exact > 255) clamped++
      assert.equal(value, Math.min(255, Math.max(0, exact)), `${i}`)
    })
    assert.ok(clamped > 0)
  })

  test(`${which}: the brightness of two by two pixels`, () => {
    const weights = [77, 150, 29]
    const [across, down] = [width >> 1, height >> 1]
    const found = new Uint8Array(across * down)
    native.halvedLuma(rgb, width * 3, Int32Array.from(weights), found)
    found.forEach((value, i) => {
      const [x, y] = [2 * (i % across), 2 * Math.floor(i / across)]
      let sum = 0
      weights.forEach((weight, channel) => {
        for (const line of [y, y + 1]) for (const pixel of [x, x + 1]) sum += weight * at(line, pixel, channel)
      })
      assert.equal(value, sum >> 10, `${i}`)
    })
  })

  test(`${which}: products are summed in order`, () => {
    const [m, n, length] = [6, 10, 7]
    const values = (count: number) => Float64Array.from({ length: count }, () => random() - 0.5)
    const [a, b, found] = [values(m * length), values(n * length), new Float64Array(m * n)]
    native.products(a, b, length, found)
    found.forEach((value, i) => {
      let sum = 0
      for (let k = 0; k < length; k++) sum += a[Math.floor(i / n) * length + k]! * b[(i % n) * length + k]!
      assert.equal(value, sum)
    })
  })

  test(`${which}: invalid arguments are errors`, () => {
    const [one, four] = [new Int32Array(1), new Int32Array(4)]
    const square = new Uint8Array(3)
    const outside = Int32Array.of(width)
    const parts = (first: number, last: number): Parts => [
      Int32Array.of(first),
      Int32Array.of(last),
      Float32Array.of(1),
      Float32Array.of(0),
      1,
    ]
    const calls: Record<string, () => void> = {
      'a column outside': () => native.interpolate(rgb, width * 3, outside, one, one, one, one, one, square),
      'a negative line': () => native.interpolate(rgb, width * 3, one, one, one, Int32Array.of(-1), one, one, square),
      'a square too small': () => native.interpolate(rgb, width * 3, one, one, one, one, one, one, new Uint8Array(2)),
      'an incomplete line': () => native.interpolate(rgb, width * 3 + 1, one, one, one, one, one, one, square),
      'no line': () => native.interpolate(rgb, 0, one, one, one, one, one, one, square),
      'a tap outside': () =>
        native.convolve(
          rgb,
          width * 3,
          four.map(() => width),
          four,
          four,
          four,
          square,
        ),
      'a line outside': () =>
        native.convolve(
          rgb,
          width * 3,
          four,
          four,
          four.map(() => height),
          four,
          square,
        ),
      'three taps': () => native.convolve(rgb, width * 3, four.subarray(1), four.subarray(1), four, four, square),
      'a picture of another size': () => native.average(rgb, width, height + 1, ...parts(0, 1), ...parts(0, 1), square),
      'a part outside': () => native.average(rgb, width, height, ...parts(0, width), ...parts(0, 1), square),
      'a part of nothing': () => native.average(rgb, width, height, ...parts(0, 1), ...parts(1, 0), square),
      'two colours': () => native.halvedLuma(rgb, width * 3, new Int32Array(2), new Uint8Array(24)),
      'a plane too small': () => native.halvedLuma(rgb, width * 3, new Int32Array(3), new Uint8Array(23)),
      'incomplete rows': () => native.products(new Float64Array(5), new Float64Array(4), 2, new Float64Array(4)),
      'a product too small': () => native.products(new Float64Array(4), new Float64Array(4), 2, new Float64Array(3)),
      'rows of nothing': () => native.products(new Float64Array(4), new Float64Array(4), 0, new Float64Array(4)),
    }
    for (const [name, call] of Object.entries(calls)) assert.throws(call, RangeError, name)
    const wrong = new Float32Array(1) as unknown as Int32Array
    assert.throws(() => native.interpolate(rgb, width * 3, wrong, one, one, one, one, one, square), TypeError)
  })
}

test('both builds average alike, to the last bit', { skip: builds.length < 2 && 'the processor has no AVX2' }, () => {
  const parts = (from: number, to: number): Parts => {
    const last = ints(to, (i) => Math.min(from - 1, Math.floor(((i + 1) * from) / to)))
    const weights = () => Float32Array.from({ length: to }, () => random() / 3)
    return [ints(to, (i) => Math.floor((i * from) / to)), last, weights(), weights(), random() / 3]
  }
  const [across, down] = [parts(width, 5), parts(height, 4)]
  const [one, other] = builds.map((which) => {
    const into = new Uint8Array(5 * 4 * 3)
    loadNative<NativePixels>('alike-pixels', which).average(rgb, width, height, ...across, ...down, into)
    return into
  })
  assert.deepEqual(one, other)
})

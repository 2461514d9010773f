/** An embedding as it is written in JSON. */

/** Decimals that are tried, as powers of ten. */
const scales = [1e8, 1e9, 1e10]
/** Any number in single precision can be restored from as many (IEEE 754). */
const significantDigits = 9

/** The same numbers with so few digits that they are still the same in single precision: a little more than half as long. */
export function numbersOf(vector: Float32Array): number[] {
  return Array.from(vector, shortened)
}

function shortened(value: number): number {
  for (const scale of scales) {
    const rounded = Math.round(value * scale) / scale
    if (Math.fround(rounded) === value) return rounded
  }
  return Number(value.toPrecision(significantDigits))
}

/**
 * Numbers as sixteen digits that sort like the numbers, and ranges of numbers as sets of digit prefixes, which an index
 * of exact tokens can answer. Each number is indexed by its prefixes, so a range needs at most some hundred of them (as
 * in Lucene: Schindler and Diepenbroek, Computers & Geosciences 34, 2008).
 */

const digitCount = 16
const highest = 2n ** 64n - 1n

/** Hex. @param value finite */
export function digitsOf(value: number): string {
  return keyOf(value).toString(16).padStart(digitCount, '0')
}

/** The prefixes used by ranges, without those that only repeat the last digit to the end. */
export function beginningsOf(digits: string): string[] {
  const end = digits.replace(/0+$|f+$/, '').length
  return Array.from({ length: Math.max(end, 1) }, (_, i) => digits.slice(0, i + 1))
}

export interface Bounds {
  gt?: number | undefined
  gte?: number | undefined
  lt?: number | undefined
  lte?: number | undefined
}

/** A number in the range has one of these. */
export interface Cells {
  beginnings: string[]
  /** Whole numbers, whose prefixes end earlier. */
  digits: string[]
}

export function cellsOf({ gt, gte, lt, lte }: Bounds): Cells {
  const lows = [0n, ...(gt === undefined ? [] : [keyOf(gt) + 1n]), ...(gte === undefined ? [] : [keyOf(gte)])]
  const highs = [highest, ...(lt === undefined ? [] : [keyOf(lt) - 1n]), ...(lte === undefined ? [] : [keyOf(lte)])]
  const low = lows.reduce((a, b) => (a > b ? a : b))
  const high = highs.reduce((a, b) => (a < b ? a : b))
  const beginnings = coverOf(low, high)
  return { beginnings, digits: beginnings.flatMap(repeatedToTheEnd) }
}

function coverOf(from: bigint, to: bigint): string[] {
  const cells: string[] = []
  let [low, high] = [from, to]
  for (let length = digitCount; low <= high; length--) {
    const add = (cell: bigint) => cells.push(cell.toString(16).padStart(length, '0'))
    if (length === 1) {
      for (; low <= high; low++) add(low)
      break
    }
    for (; low <= high && low % 16n !== 0n; low++) add(low)
    for (; low <= high && high % 16n !== 15n; high--) add(high)
    if (low > high) break
    low >>= 4n
    high >>= 4n
  }
  return cells
}

/** A number that repeats its last digit to the end has no longer prefixes. */
function repeatedToTheEnd(beginning: string): string[] {
  const last = beginning.at(-1)!
  return last === '0' || last === 'f' ? [beginning.padEnd(digitCount, last)] : []
}

/** The bits of a float64, with negative numbers inverted so that they sort before the others. */
function keyOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value === 0 ? 0 : value)
  const bits = view.getBigUint64(0)
  return bits >> 63n === 1n ? highest - bits : bits + 2n ** 63n
}

/** How likely one picture is a copy of another, from their descriptors. */
import { descriptorWords, viewCounts } from './copy-descriptor.js'
import { lowWords, wordsPerView } from './sign-views.js'

/** Default score from which two pictures count as near-copies; docs/search.md shows what it finds. */
export const defaultDuplicateScore = 0.4

/** XOR with a word of signs gives those of the mirror image: frequencies that are odd along a row flip theirs. */
export const mirroredSigns = 0x5555_5555

const signs = wordsPerView * 32
const lowSigns = lowWords * 32
/** Differing signs among the lowest frequencies are weighted as if all signs differed equally often. */
const lowWeight = wordsPerView / lowWords

/** @returns undefined for the descriptor of a picture without features */
export function wordsOf(descriptor: Uint8Array): Uint32Array | undefined {
  if (descriptor.byteLength === 0) return undefined
  const aligned = descriptor.byteOffset % Uint32Array.BYTES_PER_ELEMENT === 0 ? descriptor : descriptor.slice()
  return new Uint32Array(aligned.buffer, aligned.byteOffset, descriptorWords)
}

/** Of a query's pictures, those that have features. */
export function queryWords(query: readonly Uint8Array[]): Uint32Array[] {
  return query.flatMap((descriptor) => wordsOf(descriptor) ?? [])
}

/**
 * For the best matching pair of views, one of them uncropped: agreeing minus differing signs, as a share of all signs
 * or of those of the lowest frequencies, whichever is lower.
 * @param a, b lists of descriptors, `descriptorWords` words each
 * @param i, j indices in them
 * @param least lower scores need not be exact, which is faster
 * @returns 0 to 1; any value below `least` if the score is lower
 */
export function nearCopyScore(a: Uint32Array, i: number, b: Uint32Array, j: number, least = 0): number {
  const [ofA, ofB] = [i * descriptorWords, j * descriptorWords]
  const most = Math.floor(((1 - least) / 2) * signs) + 1
  const best = bestAgainst(b, ofB, a, ofA, bestAgainst(a, ofA, b, ofB, most))
  return Math.max(0, 1 - (2 * best) / signs)
}

/** Whether views with these signs of their lowest frequencies can reach the score. */
export function copiesOf(low: number, high: number, otherLow: number, otherHigh: number, least: number): boolean {
  return (popcount(low ^ otherLow) + popcount(high ^ otherHigh)) * lowWeight <= ((1 - least) / 2) * signs
}

/**
 * Both uncropped views of one picture against the views of the other.
 * @returns differing signs, or `best` if there are not fewer
 */
function bestAgainst(one: Uint32Array, whole: number, other: Uint32Array, ofOther: number, best: number): number {
  const trimmed = whole + viewCounts.whole * wordsPerView
  for (let view = 0; view < viewCounts.all; view++) {
    const at = ofOther + view * wordsPerView
    best = differing(one, trimmed, other, at, best)
    if (view <= viewCounts.whole) best = differing(one, whole, other, at, best)
  }
  return best
}

/**
 * Compares with the view and its mirror image. The two words of the lowest frequencies alone distinguish nearly all
 * pairs, and almost all of the time is spent here. So their signs are counted together, separating those that a mirror
 * image flips from those it shares.
 */
function differing(a: Uint32Array, i: number, b: Uint32Array, j: number, best: number): number {
  const first = a[i]! ^ b[j]!
  const second = a[i + 1]! ^ b[j + 1]!
  const turning = countPairs((first & mirroredSigns) + (second & mirroredSigns))
  const staying = countPairs(((first >>> 1) & mirroredSigns) + ((second >>> 1) & mirroredSigns))
  const straight = staying + turning
  const turned = staying + lowSigns / 2 - turning
  if (straight * lowWeight < best)
    best = Math.min(best, Math.max(straight * lowWeight, differingInAll(a, i, b, j, straight, 0)))
  if (turned * lowWeight < best)
    best = Math.min(best, Math.max(turned * lowWeight, differingInAll(a, i, b, j, turned, mirroredSigns)))
  return best
}

function differingInAll(a: Uint32Array, i: number, b: Uint32Array, j: number, inLow: number, mask: number): number {
  let sum = inLow
  for (let word = lowWords; word < wordsPerView; word++) sum += popcount(a[i + word]! ^ b[j + word]! ^ mask)
  return sum
}

/** Number of set bits (Warren, Hacker's Delight, 5–1). */
function popcount(word: number): number {
  return countPairs(word - ((word >>> 1) & 0x5555_5555))
}

/** Sum of sixteen two-bit numbers. */
function countPairs(pairs: number): number {
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}

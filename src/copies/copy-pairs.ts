/**
 * Finds near-copies among many pictures without comparing every pair. Views of copies agree in most of their lowest
 * frequencies, so at least one of many random samples of those signs agrees entirely (bit sampling: Indyk, Motwani,
 * STOC 1998): only pictures that meet under a sample are compared. `everyCopyPair` compares all pairs and serves as a
 * reference.
 */
import { descriptorWords, viewCounts } from './copy-descriptor.js'
import { copiesOf, mirroredSigns, nearCopyScore } from './near-copy-score.js'
import { lowWords, wordsPerView } from './sign-views.js'

export interface Described {
  /** Number of pictures. */
  count: number
  /** [count, descriptorWords]; zeros for a picture without features. */
  words: Uint32Array
  /** 1 for pictures with features. */
  hasFeatures: Uint8Array
}

export interface CopyPairOptions {
  /** Score from which two pictures count as near-copies. */
  duplicateScore: number
  /** Seeded, uniform in [0, 1). */
  random: () => number
  /** Two pictures that are already joined through others need not be compared. */
  areJoined(a: number, b: number): boolean
  join(a: number, b: number, score: number): void
  /** Called periodically with the completed share; throwing ends the search. */
  onStep?(share: number): void
}

/** Number of samples: 99.9 % of pairs whose views differ in a tenth of the lowest signs meet under at least one. */
const samples = 32
/** Maximum views compared with an uncropped one per sample: a bound for galleries with mostly similar pictures. */
const meetingMax = 256
const imagesPerStep = 4_096

export function findCopyPairs(
  described: Described,
  { duplicateScore, random, areJoined, join, onStep }: CopyPairOptions,
): void {
  const { count, words, hasFeatures } = described
  const views = new SampledViews(described)
  for (let sample = 0; sample < samples; sample++) {
    views.sample(random)
    for (let image = 0; image < count; image++) {
      if (image % imagesPerStep === 0) onStep?.((sample + image / count) / samples)
      if (hasFeatures[image] === 0) continue
      for (const at of uncroppedOf(words, image)) {
        for (const mask of [0, mirroredSigns])
          views.forEachMeeting(words[at]! ^ mask, words[at + 1]! ^ mask, duplicateScore, (other) => {
            if (other === image || areJoined(image, other)) return
            const score = nearCopyScore(words, image, words, other, duplicateScore)
            if (score >= duplicateScore) join(image, other, score)
          })
      }
    }
  }
}

/** All views, grouped by equal signs under a sample: sequential reads make this fast. */
class SampledViews {
  readonly #described: Described
  readonly #views: number
  readonly #sampledBits: number
  readonly #buckets: number
  /** Start of each bucket's views; the last bucket ends at the end. */
  readonly #starts: Uint32Array
  /** Two words of each view, ordered by bucket. */
  readonly #low: Uint32Array
  readonly #images: Uint32Array
  #masks: [number, number] = [0, 0]

  constructor(described: Described) {
    this.#described = described
    this.#views = described.hasFeatures.reduce((sum, has) => sum + has, 0) * viewCounts.all
    this.#sampledBits = Math.min(22, Math.max(8, Math.ceil(Math.log2(this.#views + 1)) - 4))
    this.#buckets = 2 ** this.#sampledBits
    this.#starts = new Uint32Array(this.#buckets + 1)
    this.#low = new Uint32Array(this.#views * lowWords)
    this.#images = new Uint32Array(this.#views)
  }

  /** Counting sort by the sampled signs. */
  sample(random: () => number): void {
    this.#masks = drawMasks(this.#sampledBits, random)
    const { words } = this.#described
    const starts = this.#starts.fill(0)
    this.#forEachView((at) => void starts[this.#bucketOf(words[at]!, words[at + 1]!) + 1]!++)
    for (let bucket = 0; bucket < this.#buckets; bucket++) starts[bucket + 1]! += starts[bucket]!
    const next = starts.slice()
    this.#forEachView((at, image) => {
      const place = next[this.#bucketOf(words[at]!, words[at + 1]!)]!++
      this.#low[place * lowWords] = words[at]!
      this.#low[place * lowWords + 1] = words[at + 1]!
      this.#images[place] = image
    })
  }

  /** Pictures with a view that has these signs and can reach the score. */
  forEachMeeting(low: number, high: number, duplicateScore: number, use: (image: number) => void): void {
    const bucket = this.#bucketOf(low, high)
    const end = Math.min(this.#starts[bucket + 1]!, this.#starts[bucket]! + meetingMax)
    for (let place = this.#starts[bucket]!; place < end; place++) {
      if (copiesOf(low, high, this.#low[place * lowWords]!, this.#low[place * lowWords + 1]!, duplicateScore))
        use(this.#images[place]!)
    }
  }

  #forEachView(use: (at: number, image: number) => void): void {
    const { count, hasFeatures } = this.#described
    for (let image = 0; image < count; image++) {
      if (hasFeatures[image] === 0) continue
      for (let view = 0; view < viewCounts.all; view++) use(image * descriptorWords + view * wordsPerView, image)
    }
  }

  #bucketOf(low: number, high: number): number {
    return (hashed(low & this.#masks[0]) + Math.imul(hashed(high & this.#masks[1]), 31)) & (this.#buckets - 1)
  }
}

/** The exact answer, in quadratic time. */
export function everyCopyPair(
  { count, words, hasFeatures }: Described,
  duplicateScore: number,
  join: (a: number, b: number, score: number) => void,
): void {
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      if (hasFeatures[a] === 0 || hasFeatures[b] === 0) continue
      const score = nearCopyScore(words, a, words, b, duplicateScore)
      if (score >= duplicateScore) join(a, b, score)
    }
  }
}

/** Where the words of its uncropped views begin: one view, if it has no margins. */
function uncroppedOf(words: Uint32Array, image: number): number[] {
  const whole = image * descriptorWords
  const trimmed = whole + viewCounts.whole * wordsPerView
  return words[whole] === words[trimmed] && words[whole + 1] === words[trimmed + 1] ? [trimmed] : [whole, trimmed]
}

/** Draws this many of the lowest signs, as masks of their two words. */
function drawMasks(bits: number, random: () => number): [number, number] {
  const masks: [number, number] = [0, 0]
  const left = Array.from({ length: lowWords * 32 }, (_, bit) => bit)
  for (let drawn = 0; drawn < bits; drawn++) {
    const [bit] = left.splice(Math.floor(random() * left.length), 1) as [number]
    masks[bit < 32 ? 0 : 1] |= 1 << (bit & 31)
  }
  return masks
}

/** Mixes all bits into the lower ones (finaliser of MurmurHash3, Appleby 2011). */
function hashed(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
  return mixed ^ (mixed >>> 16)
}

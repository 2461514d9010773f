/**
 * Near-copies among many pictures without comparing every two. Views of copies agree in most of their lowest
 * frequencies, so some of many random samples of those signs agree entirely (bit sampling: Indyk, Motwani, STOC 1998):
 * pictures are compared only when they meet under a sample. `everyCopyPair` compares all and judges it.
 */
import { descriptorWords, viewCounts } from './copy-descriptor.js'
import { copiesOf, mirroredSigns, nearCopyScore } from './near-copy-score.js'
import { wordsPerView } from './sign-views.js'

export interface Described {
  /** Pictures. */
  count: number
  /** [count, descriptorWords]; zeros for a picture without features. */
  words: Uint32Array
  /** 1 for those with features. */
  hasFeatures: Uint8Array
}

export interface CopyPairOptions {
  /** From this score on two pictures are near-copies. */
  duplicateScore: number
  /** Seeded, uniform in [0, 1). */
  random: () => number
  /** Two pictures that are joined already, over others, need not be compared. */
  areJoined(a: number, b: number): boolean
  join(a: number, b: number, score: number): void
  /** Told the share that is done, every few milliseconds; what it throws ends the search. */
  onStep?(share: number): void
}

/** Samples: pairs whose views differ in a tenth of the lowest signs meet under at least one of them in 99.9 %. */
const samples = 32
/** Views looked at that meet an uncropped one under one sample. A bound for galleries in which most pictures are alike. */
const meetingMax = 256
const lowBits = 64
const probesPerStep = 4_096
const noEntry = -1

export function findCopyPairs({ count, words, hasFeatures }: Described, { duplicateScore, random, areJoined, join, onStep }: CopyPairOptions): void {
  const entries = count * viewCounts.all
  const sampledBits = Math.min(22, Math.max(8, Math.ceil(Math.log2(entries + 1)) - 4))
  const buckets = 2 ** Math.ceil(Math.log2(entries + 2))
  const first = new Int32Array(buckets)
  const next = new Int32Array(entries)
  for (let sample = 0; sample < samples; sample++) {
    const [maskA, maskB] = drawMasks(sampledBits, random)
    const bucketOf = (low: number, high: number) => (hashed(low & maskA) + Math.imul(hashed(high & maskB), 31)) & (buckets - 1)
    first.fill(noEntry)
    for (let entry = entries - 1; entry >= 0; entry--) {
      if (hasFeatures[Math.floor(entry / viewCounts.all)] === 0) continue
      const bucket = bucketOf(words[entry * wordsPerView]!, words[entry * wordsPerView + 1]!)
      next[entry] = first[bucket]!
      first[bucket] = entry
    }
    for (let picture = 0; picture < count; picture++) {
      if (picture % probesPerStep === 0) onStep?.((sample + picture / count) / samples)
      if (hasFeatures[picture] === 0) continue
      for (const at of uncroppedOf(words, picture)) {
        for (const mask of [0, mirroredSigns]) meet(picture, words[at]! ^ mask, words[at + 1]! ^ mask)
      }
    }

    function meet(picture: number, low: number, high: number): void {
      let entry = first[bucketOf(low, high)]!
      for (let looked = 0; entry !== noEntry && looked < meetingMax; looked++, entry = next[entry]!) {
        const at = entry * wordsPerView
        if (!copiesOf(low, high, words[at]!, words[at + 1]!, duplicateScore)) continue
        const other = Math.floor(entry / viewCounts.all)
        if (other === picture || areJoined(picture, other)) continue
        const score = nearCopyScore(words, picture, words, other, duplicateScore)
        if (score >= duplicateScore) join(picture, other, score)
      }
    }
  }
}

/** The exact answer, in time that grows with the square of the pictures. */
export function everyCopyPair({ count, words, hasFeatures }: Described, duplicateScore: number, join: (a: number, b: number, score: number) => void): void {
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      if (hasFeatures[a] === 0 || hasFeatures[b] === 0) continue
      const score = nearCopyScore(words, a, words, b, duplicateScore)
      if (score >= duplicateScore) join(a, b, score)
    }
  }
}

/** Where the words of its uncropped views begin: one, where it has no margins. */
function uncroppedOf(words: Uint32Array, picture: number): number[] {
  const whole = picture * descriptorWords
  const trimmed = whole + viewCounts.whole * wordsPerView
  return words[whole] === words[trimmed] && words[whole + 1] === words[trimmed + 1] ? [trimmed] : [whole, trimmed]
}

/** So many of the lowest signs, as masks of their two words. */
function drawMasks(bits: number, random: () => number): [number, number] {
  const masks: [number, number] = [0, 0]
  const left = Array.from({ length: lowBits }, (_, bit) => bit)
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

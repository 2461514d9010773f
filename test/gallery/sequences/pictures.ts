/** The few picture files of random sequences: few of everything, so that steps meet. */
import { nearCopyScore, wordsOf } from '../../../src/copies/near-copy-score.js'
import { seededRandom, unitVectors } from '../../engines/embedded/vector-index/unit-vectors.js'
import { changedDescriptor, randomDescriptor } from '../../support/copy-descriptors.js'
import { model } from '../stored-images.js'

export interface Picture {
  contentHash: string
  /** [dimension], of about unit length. */
  vector: Float32Array
  /** Empty: the picture has no features; undefined: not computed yet. */
  copyDescriptor: Uint8Array | undefined
}

const [first, second, third] = Array.from({ length: 3 }, unitVectors({ dimension: model.dimension, seed: 71 })) as [
  Float32Array,
  Float32Array,
  Float32Array,
]
const scaled = (vector: Float32Array, by: number) => vector.map((value) => value * by)
const mean = third.map((value, i) => value + 0.05 * first[i]!)

const random = seededRandom(72)
const [some, another] = [randomDescriptor(random), randomDescriptor(random)]
const none = new Uint8Array(0)

/** Equal, opposite, nearly equal and merely longer vectors; copies, copies of copies, and pictures without features. */
const rows: [Float32Array, Uint8Array | undefined][] = [
  [first, some],
  [second, another],
  [second, changedDescriptor(another, 0.1, random)],
  [scaled(second, 1.003), undefined],
  [scaled(second, -1), none],
  [third, changedDescriptor(some, 0.1, random)],
  [scaled(mean, 1 / Math.hypot(...mean)), none],
]

export const pictures: readonly Picture[] = rows.map(([vector, copyDescriptor], i) => ({
  contentHash: String(i).repeat(64),
  vector,
  copyDescriptor,
}))

export function pictureOf(contentHash: string): Picture {
  return pictures.find((one) => one.contentHash === contentHash)!
}

/** Undefined if one of them has no features, or none are known yet. */
export function copyScore(a: Uint8Array | undefined, b: Uint8Array | undefined): number | undefined {
  const [ofA, ofB] = [a && wordsOf(a), b && wordsOf(b)]
  return ofA && ofB && nearCopyScore(ofA, 0, ofB, 0)
}

/** Cosine; of nearly equal or opposite directions exactly 1 or −1. */
export function scoreOf(a: Float32Array, b: Float32Array): number {
  let [product, ofA, ofB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!
    ofA += a[i]! ** 2
    ofB += b[i]! ** 2
  }
  const cosine = product / Math.sqrt(ofA * ofB)
  return Math.abs(cosine) > 1 - 2 ** -20 ? Math.sign(cosine) : cosine
}

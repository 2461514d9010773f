/** Pictures whose embeddings are known without a network: the handmade one scales their first bytes to unit length. */
import { createHash } from 'node:crypto'
import { dot } from '../../src/cosine.js'
import { seededRandom } from '../engines/embedded/vector-index/unit-vectors.js'
import { rgbPng } from '../support/png.js'

export const dimension = 64
const side = 8
const clusters = 60
/** Maximum deviation of a byte from its cluster's. */
const spread = 40

export interface Picture {
  png: Buffer
  /** [dimension], unit length. */
  vector: Float32Array
  contentHash: string
}

/** Pictures of different kinds have orthogonal embeddings. */
export type Kind = 'written' | 'ingested'

const offsets: Record<Kind, number> = { written: 0, ingested: 1 }

export function drawPicture(kind: Kind, seed: number): Picture {
  const random = seededRandom(seed * 2 + offsets[kind])
  const centre = seededRandom(1_000_000 + Math.floor(random() * clusters))
  const rgb = new Uint8Array(side * side * 3)
  for (let i = 0; i < rgb.length; i++) {
    const value = Math.round(centre() * 255 + (random() - 0.5) * 2 * spread)
    rgb[i] = i % 2 === offsets[kind] ? Math.min(255, Math.max(0, value)) : 0
  }
  const first = Float32Array.from(rgb.subarray(0, dimension))
  const length = Math.sqrt(dot(first, first, 0))
  const png = rgbPng(rgb, side)
  return {
    png,
    vector: first.map((value) => value / length),
    contentHash: createHash('sha256').update(png).digest('hex'),
  }
}

/** The `k` nearest, best first, by comparing every picture. */
export function exactNearest(query: Float32Array, pictures: Iterable<readonly [string, Picture]>, k: number): string[] {
  const best: { id: string; score: number }[] = []
  for (const [id, { vector }] of pictures) {
    const score = dot(query, vector, 0)
    if (best.length === k && score <= best[k - 1]!.score) continue
    const place = best.findIndex((other) => other.score < score)
    best.splice(place === -1 ? best.length : place, 0, { id, score })
    if (best.length > k) best.pop()
  }
  return best.map(({ id }) => id)
}

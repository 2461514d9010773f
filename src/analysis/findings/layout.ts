/**
 * Lays a gallery out in two dimensions: principal components, then UMAP (McInnes, Healy, Melville 2018) of a sample;
 * all other pictures are placed among their nearest sample members. The same seed gives the same layout as long as the
 * gallery is unchanged.
 */
import { UMAP } from 'umap-js'
import { seededRandom } from '../../eval/random.js'
import type { EmbeddedImages } from './evaluation.js'
import { principalComponents } from './principal-components.js'
import { drawSample } from './sample.js'

export interface LayoutOptions {
  /** Maximum images laid out by UMAP. */
  sample: number
  /** Neighbours per image. */
  neighbours: number
  seed: number
  /** Called with the expected number of steps, and after each; throwing ends it. */
  onExpect(steps: number): void
  onStep(): void
  /** Called between pieces of work that are not steps; throwing ends it. */
  onPause(): void
}

export interface GalleryLayout {
  /** [n, 2] in −1 to 1, by position. */
  coordinates: Float32Array
  /** By position; NaN if unknown. */
  doubts: Float32Array
  pcaDimensions: number
  sampled: number
  neighbours: number
}

const pcaDimensionsMax = 50
/** With fewer images there are no meaningful neighbourhoods. */
const umapMin = 8
/** Number of sample neighbours that determine the place of another image. */
const placedBy = 5
/** Progress steps while UMAP moves its points. */
const umapEpochs = 300

/** @throws what the callbacks throw */
export function layOut({ labels, vectors, dimension }: EmbeddedImages, options: LayoutOptions): GalleryLayout {
  const { seed, onExpect, onStep, onPause } = options
  const count = labels.length
  const pcaDimensions = Math.min(pcaDimensionsMax, dimension)
  const drawn = drawSample(count, options.sample, seed)
  onExpect(drawn.length + umapEpochs + count)
  const components = principalComponents({ vectors, dimension }, { wanted: pcaDimensions, seed, onStep: onPause })
  const near = new Nearest(components, pcaDimensions, drawn)
  // UMAP counts each image as its own neighbour and requires more images than that
  const neighbours = Math.max(0, Math.min(options.neighbours, drawn.length - (drawn.length < umapMin ? 1 : 2)))
  const found = Array.from(drawn, (position) => {
    onStep()
    return near.of(position, neighbours)
  })
  const moved = drawn.length < umapMin ? undefined : umapOf(near, found, seed, onStep)
  const placed =
    moved ??
    Array.from(drawn, (position) => [components[position * pcaDimensions]!, components[position * pcaDimensions + 1]!])

  const coordinates = new Float32Array(count * 2)
  const doubts = new Float32Array(count)
  const sampleOf = new Map(Array.from(drawn, (position, i) => [position, i]))
  for (let position = 0; position < count; position++) {
    const own = sampleOf.get(position)
    const nearest = own === undefined ? near.of(position, Math.min(options.neighbours, drawn.length)) : found[own]!
    coordinates.set(own === undefined ? amid(nearest.slice(0, placedBy), placed) : placed[own]!, position * 2)
    doubts[position] = doubtOf(
      labels[position]!,
      nearest.map(({ index }) => labels[drawn[index]!]!),
    )
    onStep()
  }
  return { coordinates: fitted(coordinates), doubts, pcaDimensions, sampled: drawn.length, neighbours }
}

interface Neighbour {
  /** Index in the sample. */
  index: number
  distance: number
}

/** Finds the nearest sample images by comparing with the whole sample. */
class Nearest {
  readonly sample: number[][]
  readonly #components: Float32Array
  readonly #dimensions: number
  readonly #drawn: Uint32Array

  constructor(components: Float32Array, dimensions: number, drawn: Uint32Array) {
    this.#components = components
    this.#dimensions = dimensions
    this.#drawn = drawn
    this.sample = Array.from(drawn, (position) => [
      ...components.subarray(position * dimensions, (position + 1) * dimensions),
    ])
  }

  /** Nearest first, excluding the image itself. */
  of(position: number, k: number): Neighbour[] {
    const best: Neighbour[] = []
    for (let index = 0; index < this.#drawn.length; index++) {
      if (this.#drawn[index] === position) continue
      const distance = this.#squared(position, this.#drawn[index]!)
      if (best.length === k && distance >= (best[k - 1]?.distance ?? 0)) continue
      let at = best.length
      while (at > 0 && best[at - 1]!.distance > distance) at -= 1
      best.splice(at, 0, { index, distance })
      if (best.length > k) best.pop()
    }
    return best.map(({ index, distance }) => ({ index, distance: Math.sqrt(distance) }))
  }

  #squared(a: number, b: number): number {
    const [fromA, fromB] = [a * this.#dimensions, b * this.#dimensions]
    let sum = 0
    for (let i = 0; i < this.#dimensions; i++) sum += (this.#components[fromA + i]! - this.#components[fromB + i]!) ** 2
    return sum
  }
}

function umapOf({ sample }: Nearest, found: Neighbour[][], seed: number, onStep: () => void): number[][] {
  const nNeighbors = found[0]!.length + 1
  const umap = new UMAP({ nComponents: 2, nNeighbors, nEpochs: umapEpochs, random: seededRandom(seed) })
  // in UMAP's form: each image is its own nearest neighbour
  umap.setPrecomputedKNN(
    found.map((list, own) => [own, ...list.map(({ index }) => index)]),
    found.map((list) => [0, ...list.map(({ distance }) => distance)]),
  )
  umap.initializeFit(sample)
  for (let epoch = 0; epoch < umapEpochs; epoch++) {
    umap.step()
    onStep()
  }
  return umap.getEmbedding()
}

/** The mean of their places, weighted by closeness. */
function amid(nearest: readonly Neighbour[], placed: readonly (readonly number[])[]): [number, number] {
  let [x, y, sum] = [0, 0, 0]
  for (const { index, distance } of nearest) {
    const weight = 1 / (distance + 1e-6)
    x += weight * placed[index]![0]!
    y += weight * placed[index]![1]!
    sum += weight
  }
  return sum === 0 ? [0, 0] : [x / sum, y / sum]
}

function doubtOf(label: string | null, others: readonly (string | null)[]): number {
  const voters = others.filter((other) => other !== null)
  if (label === null || voters.length === 0) return NaN
  return voters.filter((other) => other !== label).length / voters.length
}

/** Scales to −1 to 1, both axes by the same factor. */
function fitted(coordinates: Float32Array): Float32Array {
  const low = [Infinity, Infinity]
  const high = [-Infinity, -Infinity]
  coordinates.forEach((value, i) => {
    low[i % 2] = Math.min(low[i % 2]!, value)
    high[i % 2] = Math.max(high[i % 2]!, value)
  })
  const half = Math.max(high[0]! - low[0]!, high[1]! - low[1]!) / 2
  return coordinates.map((value, i) => (half > 0 ? (value - (low[i % 2]! + high[i % 2]!) / 2) / half : 0))
}

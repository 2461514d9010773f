/** Unit vectors like those of networks: few directions matter, and pictures form clusters. Seeded. */

export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface UnitVectorOptions {
  dimension: number
  seed: number
  clusters?: number
  /** Number of directions in which vectors really differ. */
  latent?: number
}

/** Returns a generator function for vectors. */
export function unitVectors({ dimension, seed, clusters = 20, latent = 12 }: UnitVectorOptions): () => Float32Array {
  const random = seededRandom(seed)
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const basis = Array.from({ length: latent }, () => Float64Array.from({ length: dimension }, normal))
  const centres = Array.from({ length: clusters }, () => Array.from({ length: latent }, normal))
  return () => {
    const centre = centres[Math.floor(random() * clusters)]!
    const vector = Float32Array.from({ length: dimension }, () => 0.2 * normal())
    centre.forEach((value, i) => {
      const weight = value + 0.6 * normal()
      for (let j = 0; j < dimension; j++) vector[j]! += weight * basis[i]![j]!
    })
    const length = Math.hypot(...vector)
    return vector.map((value) => value / length)
  }
}

/** Packs vectors with consecutive slots. */
export function packed(vectors: Float32Array[], firstSlot = 0): { slots: Uint32Array; vectors: Float32Array } {
  const dimension = vectors[0]?.length ?? 0
  const all = new Float32Array(vectors.length * dimension)
  vectors.forEach((vector, i) => all.set(vector, i * dimension))
  return { slots: Uint32Array.from(vectors, (_, i) => firstSlot + i), vectors: all }
}

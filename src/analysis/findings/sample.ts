/** Seeded random samples. */
import { seededRandom } from '../../eval/random.js'

/** Positions below `count`, ascending, drawn uniformly; all of them if `size` is at least `count`. */
export function drawSample(count: number, size: number, seed: number): Uint32Array {
  const positions = Uint32Array.from({ length: count }, (_, i) => i)
  if (size >= count) return positions
  const random = seededRandom(seed)
  // the first `size` steps of a shuffle (Fisher and Yates)
  for (let i = 0; i < size; i++) {
    const other = i + Math.floor(random() * (count - i))
    const drawn = positions[other]!
    positions[other] = positions[i]!
    positions[i] = drawn
  }
  return positions.slice(0, size).sort()
}

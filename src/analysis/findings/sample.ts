/** Some of many, drawn by seed. */
import { seededRandom } from '../../eval/random.js'

/** Positions below `count`, ascending, each as likely as the others; all of them when `size` reaches that far. */
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

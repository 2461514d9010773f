/** Copy descriptors without pictures: random signs, and those of near-copies. */
import { descriptorBytes } from '../../src/copies/copy-descriptor.js'

/** Two random ones agree in about half of their signs. */
export function randomDescriptor(random: () => number): Uint8Array {
  return Uint8Array.from({ length: descriptorBytes }, () => Math.floor(random() * 256))
}

/** With about this share of its signs flipped: a near-copy score of about 1 − 2 · share. */
export function changedDescriptor(descriptor: Uint8Array, share: number, random: () => number): Uint8Array {
  return descriptor.map((byte) =>
    [1, 2, 4, 8, 16, 32, 64, 128].reduce((changed, bit) => (random() < share ? changed ^ bit : changed), byte),
  )
}

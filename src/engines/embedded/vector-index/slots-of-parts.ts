/** Assigns slots to the parts of an index: slot modulo parts, so no table is needed. Pure. */
import type { SlotVectors } from './vector-index.js'

export function partOf(slot: number, parts: number): number {
  return slot % parts
}

/** The slots that belong to one part, in the given order. */
export function slotsOfPart(slots: Uint32Array, part: number, parts: number): Uint32Array<ArrayBuffer> {
  const own = new Uint32Array(slots.length)
  let count = 0
  for (let i = 0; i < slots.length; i++) if (slots[i]! % parts === part) own[count++] = slots[i]!
  return own.slice(0, count)
}

/** Each part's share, indexed by part; in its own memory, so that it can be transferred to the part's thread. */
export function vectorsOfParts({ slots, vectors }: SlotVectors, dimension: number, parts: number): SlotVectors[] {
  const shares = Array.from({ length: parts }, (_, part) => {
    const own = slotsOfPart(slots, part, parts)
    return { slots: own, vectors: new Float32Array(own.length * dimension), count: 0 }
  })
  slots.forEach((slot, i) => {
    const share = shares[partOf(slot, parts)]!
    share.vectors.set(vectors.subarray(i * dimension, (i + 1) * dimension), share.count++ * dimension)
  })
  return shares.map((share) => ({ slots: share.slots, vectors: share.vectors }))
}

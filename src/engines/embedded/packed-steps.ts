/** Packs steps for the writer thread, and unpacks their results for the index. */
import type { ImageStep, PutImage } from '../../gallery/records.js'
import type { SlotResult } from './store/set-images.js'
import type { SlotVectors } from './vector-index/vector-index.js'

export interface ChangedSlots {
  added: SlotVectors
  /** With other labels or metadata. */
  patched: number[]
  retired: Uint32Array
}

export interface PackedSteps<Step extends ImageStep> {
  steps: Step[]
  /** @param results of the steps, in the same order */
  slotsOf(results: readonly SlotResult[], dimension: number): ChangedSlots
}

export function packedSteps<Step extends ImageStep>(given: readonly Step[]): PackedSteps<Step> {
  return {
    steps: given.map((step) => ('put' in step ? { ...step, put: withoutSurroundings(step.put) } : step)),
    slotsOf(results, dimension) {
      const added = given.flatMap((step, i) => {
        const result = results[i]!
        return 'put' in step && 'slot' in result ? { slot: result.slot, vector: step.put.vector } : []
      })
      const retired = results.flatMap((result) =>
        'slot' in result ? (result.retiredSlot ?? []) : 'removedSlot' in result ? result.removedSlot : [],
      )
      const patched = results.flatMap((result) => ('patchedSlot' in result ? result.patchedSlot : []))
      return { added: packed(added, dimension), patched, retired: Uint32Array.from(retired) }
    },
  }
}

function packed(added: readonly { slot: number; vector: Float32Array }[], dimension: number): SlotVectors {
  const vectors = new Float32Array(added.length * dimension)
  added.forEach(({ vector }, i) => vectors.set(vector, i * dimension))
  return { slots: Uint32Array.from(added, ({ slot }) => slot), vectors }
}

/** Posting a view of a larger buffer to a thread would send the whole buffer. */
function withoutSurroundings(image: PutImage): PutImage {
  const { vector, thumbnail, copyDescriptor } = image
  return {
    ...image,
    vector: vector.byteLength === vector.buffer.byteLength ? vector : vector.slice(),
    ...(copyDescriptor && { copyDescriptor: Uint8Array.from(copyDescriptor) }),
    ...(thumbnail && {
      thumbnail: thumbnail.byteLength === thumbnail.buffer.byteLength ? thumbnail : Uint8Array.from(thumbnail),
    }),
  }
}

/** The tasks of a decoder, in this process or in a separate one. */
import { describeCopies } from '../copies/copy-descriptor.js'
import { decodeMemoryBytes } from './decode-memory.js'
import { allPixels, openImage } from './decoder.js'
import { type PreparedImage, type PrepareOptions, planPreparation } from './prepare.js'

/** `describe`: only the copy descriptor, for a picture of which only the thumbnail is left. */
export type ImageWork = { kind: 'prepare'; options: PrepareOptions } | { kind: 'describe' }

/** `describe` yields no views. */
export type DecodedImage = Omit<PreparedImage, 'pixels' | 'durationMs'>

/** Derived from the header. */
export interface PlannedWork {
  /** Peak memory of the decode. */
  decodeBytes: number
  /** @throws AlikeError as `prepareImage` does */
  run(): Promise<DecodedImage>
}

/** Reads only the header. @throws AlikeError as `prepareImage` does */
export async function planWork(bytes: Uint8Array, work: ImageWork): Promise<PlannedWork> {
  if (work.kind === 'describe') return planDescription(bytes)
  const { decodeBytes, prepare } = await planPreparation(bytes, work.options)
  return { decodeBytes, run: prepare }
}

/** Thumbnails are our own and small. */
const thumbnailMaxPixels = 2_048 * 2_048

async function planDescription(thumbnail: Uint8Array): Promise<PlannedWork> {
  const image = await openImage(thumbnail, thumbnailMaxPixels)
  return {
    decodeBytes: decodeMemoryBytes(image.facts, { shrink: 1, shrinkOnLoad: false }),
    async run() {
      await image.load()
      const { rgb, width, height } = await allPixels(image)
      return { views: [], width, height, format: image.format, describe: () => describeCopies(rgb, width, height) }
    },
  }
}

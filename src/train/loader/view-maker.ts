/** One picture's bytes → the view of it that a batch holds. Runs in the loader's thread or in a process of its own. */

import type { Preprocessing } from '../../embedding/model-manifest.js'
import { seededRandom } from '../../eval/random.js'
import { augmentImage } from '../../image/augment.js'
import { prepareImage } from '../../image/prepare.js'
import { mirrored } from '../../image/views.js'

const maxPixels = 100e6

/** Without `random`: what serving sees. */
export interface ViewOrder {
  preprocessing: Preprocessing
  random?: {
    seed: number
    minScale: number
    colourJitter: number
    /** As serving sees it, or mirrored; no other augmentation. */
    asServed: boolean
    /** Goes through what happens to pictures in the wild. */
    wild: boolean
  }
}

/** What the loader's thread and a process that makes views say to each other. */
export interface ToViewProcess {
  ticket: number
  bytes: Uint8Array
  order: ViewOrder
}

export type FromViewProcess = { ticket: number; pixels: Uint8Array } | { ticket: number; error: unknown }

/** @returns uint8 [size, size, 3] @throws AlikeError like `prepareImage`. */
export async function makeView(bytes: Uint8Array, { preprocessing, random }: ViewOrder): Promise<Uint8Array> {
  if (random === undefined) return (await prepareImage(bytes, { preprocessing, maxPixels })).pixels
  const { seed, minScale, colourJitter, asServed, wild } = random
  const draw = seededRandom(seed)
  if (!asServed) return augmentImage(bytes, { preprocessing, minScale, colourJitter, wild, random: draw })
  const { pixels } = await prepareImage(bytes, { preprocessing, maxPixels })
  return draw() < 0.5 ? mirrored(pixels, preprocessing.inputSize) : pixels
}

/** Turns the bytes of a picture into the view used in a batch. Runs in the loader thread or in a process of its own. */

import type { Preprocessing } from '../../embedding/model-manifest.js'
import { seededRandom } from '../../eval/random.js'
import { augmentImage } from '../../image/augment.js'
import { prepareImage } from '../../image/prepare.js'
import { mirrored } from '../../image/views.js'
import type { describeError } from '../../worker-calls/answered-calls.js'

const maxPixels = 100e6

/** Without `random`: the serving view. */
export interface ViewOrder {
  preprocessing: Preprocessing
  random?: {
    seed: number
    minScale: number
    colourJitter: number
    /** The serving view or its mirror image, without other augmentation. */
    asServed: boolean
    /** Apply the edits that pictures undergo in the wild. */
    wild: boolean
  }
}

/** Messages between the loader thread and a view process. */
export interface ToViewProcess {
  ticket: number
  bytes: Uint8Array
  order: ViewOrder
}

export type FromViewProcess =
  | { ticket: number; pixels: Uint8Array }
  | { ticket: number; error: ReturnType<typeof describeError> }

/** @returns uint8 [size, size, 3] @throws AlikeError as `prepareImage` does */
export async function makeView(bytes: Uint8Array, { preprocessing, random }: ViewOrder): Promise<Uint8Array> {
  if (random === undefined) return (await prepareImage(bytes, { preprocessing, maxPixels })).pixels
  const { seed, minScale, colourJitter, asServed, wild } = random
  const draw = seededRandom(seed)
  if (!asServed) return augmentImage(bytes, { preprocessing, minScale, colourJitter, wild, random: draw })
  const { pixels } = await prepareImage(bytes, { preprocessing, maxPixels })
  return draw() < 0.5 ? mirrored(pixels, preprocessing.inputSize) : pixels
}

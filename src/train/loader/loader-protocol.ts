/** Messages between the training thread and the loader thread. */
import type { LabelledImage } from '../../datasets/labelled-image.js'
import type { Preprocessing } from '../../embedding/model-manifest.js'

export interface Augmentation {
  minScale: number
  colourJitter: number
}

export interface BatchRequest {
  /** Indices into the pictures given to the thread at start. */
  images: number[]
  /** In training the square may be smaller than the network's own. */
  preprocessing: Preprocessing
  /** One seed per picture, and the strength; absent: the serving view. */
  augmentation?: Augmentation & {
    seeds: number[]
    /** Per picture: use the serving view, or its mirror image, without other augmentation. Default: none. */
    asServed?: boolean[]
    /** Per picture: apply the edits that pictures undergo in the wild. Default: none. */
    wild?: boolean[]
  }
}

/** uint8 [pictures, size, size, 3]. */
export type Pixels = Uint8Array<ArrayBuffer>

export type LoaderCalls = {
  /** Fails with `dataset_unusable`, naming the picture. */
  load: { request: BatchRequest; reply: Pixels }
}

export interface LoaderStart {
  images: readonly Pick<LabelledImage, 'id' | 'source'>[]
  /** Processes that make views; 0 makes them in the thread itself. */
  processes: number
}

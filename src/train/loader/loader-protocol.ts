/** What the training thread asks the loader thread. */
import type { LabelledImage } from '../../datasets/labelled-image.js'
import type { Preprocessing } from '../../embedding/model-manifest.js'

export interface Augmentation {
  minScale: number
  colourJitter: number
}

export interface BatchRequest {
  /** Indices into the pictures that the thread was started with. */
  images: number[]
  /** The square may be smaller than the network's own while training. */
  preprocessing: Preprocessing
  /** One seed for each picture and the strength; absent: the view that serving sees. */
  augmentation?: Augmentation & {
    seeds: number[]
    /** For each picture, whether it comes as serving sees it, or mirrored; no other augmentation then. Default: none. */
    asServed?: boolean[]
    /** For each picture, whether it goes through what happens to pictures in the wild. Default: none. */
    wild?: boolean[]
  }
}

/** uint8 [pictures, size, size, 3]. */
export type Pixels = Uint8Array<ArrayBuffer>

export type LoaderCalls = {
  /** Fails with `data_unreadable`, which names the picture. */
  load: { request: BatchRequest; reply: Pixels }
}

export interface LoaderStart {
  images: readonly Pick<LabelledImage, 'id' | 'source'>[]
  /** That make views; 0 makes them in the thread itself. */
  processes: number
}

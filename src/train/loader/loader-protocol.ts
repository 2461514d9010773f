/** What the training thread and the loader thread say to each other. */
import type { ImageSource } from '../../datasets/labelled-image.js'
import type { Preprocessing } from '../../embedding/model-manifest.js'

export interface Augmentation {
  minScale: number
  colourJitter: number
}

export interface LoadRequest {
  kind: 'load'
  ticket: number
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

export type ToLoader = LoadRequest | { kind: 'close' }

export type FromLoader =
  /** `pixels`: uint8 [pictures, size, size, 3]. */
  | { kind: 'loaded'; ticket: number; pixels: Uint8Array<ArrayBuffer> }
  | { kind: 'failed'; ticket: number; image: number; error: unknown }

export interface LoaderStart {
  sources: ImageSource[]
  /** That make views; 0 makes them in the thread itself. */
  processes: number
}

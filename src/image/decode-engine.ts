/** Where decoding runs: in this process or in a pool of others. */
import type { DecodePriority } from './decode-permits.js'
import type { DecodedImage, ImageWork } from './image-work.js'

/** Runs the work once this many bytes of memory are available. @throws as `DecodePermits.run` does */
export type Permitted = <Result>(decodeBytes: number, run: () => Promise<Result>) => Promise<Result>

export interface DecodeEngine {
  readonly where: 'service' | 'process'
  /** Number of ready processes. */
  readonly processes: number
  /** @throws AlikeError as `Decoders.prepare` does */
  decode(bytes: Uint8Array, work: ImageWork, permitted: Permitted, priority: DecodePriority): Promise<DecodedImage>
  close(): Promise<void>
}

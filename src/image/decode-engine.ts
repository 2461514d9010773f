/** What decodes: this process, or a pool of others. */
import type { DecodedImage, ImageWork } from './image-work.js'

/** Runs it when there is room for so many bytes of memory. @throws as `DecodePermits.run` */
export type Permitted = <Result>(decodeBytes: number, run: () => Promise<Result>) => Promise<Result>

export interface DecodeEngine {
  readonly where: 'service' | 'process'
  /** Processes that are ready. */
  readonly processes: number
  /** @throws AlikeError as `Decoders.prepare` */
  decode(bytes: Uint8Array, work: ImageWork, permitted: Permitted): Promise<DecodedImage>
  close(): Promise<void>
}

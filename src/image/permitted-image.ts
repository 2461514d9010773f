/** A picture prepared when the decoders and their memory have room for it. */
import type { DecodePermits, PermitOptions } from './decode-permits.js'
import { planPreparation, type PreparedImage, type PrepareOptions } from './prepare.js'

/** `waitMs`: for a decoder. */
export type PermittedImage = PreparedImage & { waitMs: number }

/** @throws AlikeError as `prepareImage`, and `image_too_much_memory`; the signal's reason when aborted */
export async function preparePermitted(bytes: Uint8Array, options: PrepareOptions, permits: DecodePermits, priority?: PermitOptions['priority']): Promise<PermittedImage> {
  const { signal } = options
  const { decodeBytes, prepare } = await planPreparation(bytes, options)
  const arrivedAt = performance.now()
  let waitMs = 0
  const prepared = await permits.run(() => {
    waitMs = performance.now() - arrivedAt
    return prepare()
  }, { bytes: decodeBytes, signal, priority })
  return { ...prepared, waitMs }
}

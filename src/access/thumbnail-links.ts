/**
 * Links to the thumbnails of hits, signed for a short time: they need no key, so a caller who may only search can load
 * the pictures it found, and only those. Nothing is stored: every process with the same secret accepts them.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

export interface ThumbnailLinkSettings {
  /** Empty: no link is signed, and none is accepted. */
  thumbnailLinkSecret: string
  /** For how long a link is valid at most; at least for half as long. */
  thumbnailLinkSeconds: number
}

export interface SignedPicture {
  gallery: string
  id: string
}

/**
 * The query of a link. It stays the same for a while, so that browsers find the picture in their cache.
 * @param nowMs since 1970
 */
export function signedQuery(picture: SignedPicture, settings: ThumbnailLinkSettings, nowMs: number): string {
  const step = Math.floor(settings.thumbnailLinkSeconds / 2)
  const expires = Math.floor(nowMs / 1_000 / step) * step + settings.thumbnailLinkSeconds
  return `expires=${expires}&signature=${signatureOf(picture, expires, settings).toString('base64url')}`
}

/** Whether a link was signed for this picture, and is still valid. @param query as it was received */
export function isSigned(
  picture: SignedPicture,
  query: unknown,
  settings: ThumbnailLinkSettings,
  nowMs: number,
): boolean {
  const { expires, signature } = (query ?? {}) as Record<string, unknown>
  if (settings.thumbnailLinkSecret === '' || typeof expires !== 'string' || typeof signature !== 'string') return false
  if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1_000 <= nowMs) return false
  const given = Buffer.from(signature, 'base64url')
  const expected = signatureOf(picture, Number(expires), settings)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function signatureOf({ gallery, id }: SignedPicture, expires: number, { thumbnailLinkSecret }: ThumbnailLinkSettings) {
  // as JSON, so that no two pictures are signed as the same text
  const signed = JSON.stringify(['thumbnail', gallery, id, expires])
  return createHmac('sha256', thumbnailLinkSecret).update(signed).digest()
}

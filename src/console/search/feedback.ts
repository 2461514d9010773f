/** Judgements of hits, used for quality numbers and training. */
import { answerOf, service } from '../api/service.js'
import { imageOf } from './given-images.js'
import type { SearchQuery } from './search-query.js'
import type { Hit } from './use-search.js'

export type Verdict = 'right' | 'wrong'

/** @param verdict undefined withdraws it @throws ServiceError */
export async function judge(
  gallery: string,
  query: SearchQuery,
  { id, rank, score }: Hit,
  verdict: Verdict | undefined,
): Promise<void> {
  await answerOf(
    service.POST('/v1/galleries/{gallery}/feedback', {
      params: { path: { gallery } },
      body: { query: await named(query), hits: [{ id, verdict: verdict ?? 'none', rank, score }] },
    }),
  )
}

async function named({ imageId, picture, url }: SearchQuery) {
  if (imageId !== undefined) return { id: imageId }
  const file = imageOf(picture)
  if (file === undefined) return { key: (url ?? picture ?? '').slice(0, 200) }
  // browsers provide hashing only on pages loaded over https or from this machine
  if (!isSecureContext) return { key: file.name.slice(0, 200) }
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()))
  return { contentHash: Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('') }
}

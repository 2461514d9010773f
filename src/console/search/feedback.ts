/** Judgements of hits, used for quality numbers and training. */
import { caller } from '../api/caller.js'
import { answerOf, fetchFrom, service } from '../api/service.js'
import { imageOf } from './given-images.js'
import type { SearchQuery } from './search-query.js'
import type { Hit } from './use-search.js'

export type Verdict = 'right' | 'wrong'

/** Judgements of one query by one person: more are hardly ever given by hand. */
const readMax = 10_000

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

/** The caller's stored verdicts on the query's hits, by id. @throws ServiceError */
export async function verdictsOf(
  gallery: string,
  query: SearchQuery,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Verdict>> {
  const { id, contentHash, key } = await named(query)
  const parameters = new URLSearchParams({
    ...(id !== undefined && { queryId: id }),
    ...(contentHash !== undefined && { queryContentHash: contentHash }),
    ...(key !== undefined && { queryKey: key }),
    by: caller.value?.name || 'anonymous',
    limit: String(readMax),
  })
  const answer = await fetchFrom(`v1/galleries/${encodeURIComponent(gallery)}/feedback?${parameters}`, { signal })
  const lines = (await answer.text()).split('\n').filter(Boolean)
  const judged = lines.map((line) => JSON.parse(line) as { hit: string; verdict: Verdict })
  return new Map(judged.map(({ hit, verdict }) => [hit, verdict]))
}

interface NamedQuery {
  id?: string
  contentHash?: string
  key?: string
}

async function named({ imageId, picture, url }: SearchQuery): Promise<NamedQuery> {
  if (imageId !== undefined) return { id: imageId }
  const file = imageOf(picture)
  if (file === undefined) return { key: (url ?? picture ?? '').slice(0, 200) }
  const hash = await sha256(await file.arrayBuffer())
  return { contentHash: Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('') }
}

/** Browsers provide it only on pages loaded over https or from this machine. */
async function sha256(bytes: ArrayBuffer): Promise<Uint8Array> {
  if (isSecureContext) return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return (await import('@noble/hashes/sha2.js')).sha256(new Uint8Array(bytes))
}

/** Decisions about findings, which the service applies and remembers: made, read, and revoked. */
import type { operations } from 'openapi'
import { answerOf, type Schemas, service } from '../api/service.js'
import { type Finding, urlBatches } from './settled.js'

export type Decision = NonNullable<operations['decide']['requestBody']>['content']['application/json']
export type StoredDecision = Schemas['Decision']

const pageSize = 1_000

/** @throws ServiceError */
export function decide(gallery: string, decision: Decision): Promise<StoredDecision> {
  return answerOf(service.POST('/v1/galleries/{gallery}/decisions', { params: { path: { gallery } }, body: decision }))
}

/** @throws ServiceError */
export async function takeBack(gallery: string, decision: string): Promise<void> {
  const path = { gallery, decision }
  await answerOf(service.DELETE('/v1/galleries/{gallery}/decisions/{decision}', { params: { path } }))
}

/**
 * Those that may settle one of the findings, made since a time, ISO 8601. Most findings are not decided, so the first
 * picture of each is asked about; of those that are, the others too, because labels may be decided picture by picture.
 * Of copies, one may have been kept of any of them.
 * @throws ServiceError
 */
export async function decisionsAbout(
  gallery: string,
  findings: readonly Finding[],
  { since, signal }: { since: string; signal: AbortSignal },
): Promise<StoredDecision[]> {
  const about = (ids: Iterable<string>) => decisionsNaming(gallery, [...new Set(ids)], { since, signal })
  const first = await about(findings.flatMap(({ kind, ids }) => (kind === 'copies' ? ids : ids[0]!)))
  const named = new Set(first.flatMap(({ kind, ids }) => (kind === 'label' ? ids : [])))
  const begun = findings.filter(({ kind, ids }) => kind === 'label' && named.has(ids[0]!))
  return [...first, ...(await about(begun.flatMap(({ ids }) => ids.filter((id) => !named.has(id)))))]
}

async function decisionsNaming(
  gallery: string,
  ids: readonly string[],
  { since, signal }: { since: string; signal: AbortSignal },
): Promise<StoredDecision[]> {
  const decisions: StoredDecision[] = []
  for (const id of urlBatches(ids))
    for (let cursor: string | undefined, isLast = false; !isLast; isLast = cursor === undefined) {
      const query = { id, limit: pageSize, ...(cursor !== undefined && { cursor }) }
      const params = { path: { gallery }, query }
      const page = await answerOf(service.GET('/v1/galleries/{gallery}/decisions', { params, signal }))
      decisions.push(...page.decisions.filter(({ at }) => Date.parse(at) >= Date.parse(since)))
      cursor = page.nextCursor
    }
  return decisions
}

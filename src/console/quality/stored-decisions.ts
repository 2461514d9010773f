/** Decisions about findings, which the service applies and remembers: made, read, and revoked. */
import type { operations } from 'openapi'
import { answerOf, type Schemas, service } from '../api/service.js'

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

/** Those made since a time, ISO 8601. @throws ServiceError */
export async function decisionsSince(gallery: string, since: string, signal: AbortSignal): Promise<StoredDecision[]> {
  const decisions: StoredDecision[] = []
  let cursor: string | undefined
  do {
    const params = { path: { gallery }, query: { limit: pageSize, ...(cursor !== undefined && { cursor }) } }
    const page = await answerOf(service.GET('/v1/galleries/{gallery}/decisions', { params, signal }))
    decisions.push(...page.decisions.filter(({ at }) => Date.parse(at) >= Date.parse(since)))
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return decisions
}

/** Decisions about findings: sent to the service, which applies and remembers them. */
import { fetchFrom } from '../api/service.js'

export type Decision =
  | { kind: 'label'; ids: string[]; decision: 'keep-label' | 'dismissed' }
  | { kind: 'label'; ids: string[]; decision: 'set-label'; label: string | null }
  | { kind: 'copies'; ids: string[]; decision: 'not-copies' | 'dismissed' }
  | { kind: 'copies'; ids: string[]; decision: 'keep-one'; keep: string }

/** @throws ServiceError */
export async function decide(gallery: string, decision: Decision): Promise<void> {
  await fetchFrom(`v1/galleries/${gallery}/decisions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(decision),
  })
}

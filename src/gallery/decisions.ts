/** What was decided about findings of a gallery, as the rest of Alike sees it, and where it is kept. */

export const decisionKinds = ['label', 'copies'] as const
export type DecisionKind = (typeof decisionKinds)[number]

/** A decision on its way. */
export type NewDecision = { ids: string[]; by: string } & (
  | { kind: 'label'; decision: 'keep-label' | 'dismissed' }
  | { kind: 'label'; decision: 'set-label'; label: string | null }
  | { kind: 'copies'; decision: 'not-copies' | 'dismissed' }
  /** The others are removed. */
  | { kind: 'copies'; decision: 'keep-one'; keep: string }
)

export interface DecidedImage {
  id: string
  /** Another image under this id is not what was decided about. */
  contentHash: string
  /** After the decision, and before it. */
  label: string | null
  labelBefore: string | null
}

/** A decision and the images it is about, as they were when it was made. */
export interface DecidedFinding {
  kind: DecisionKind
  decision: NewDecision['decision']
  images: DecidedImage[]
  label?: string | null | undefined
  keep?: string | undefined
  /** Images that get another label, or are removed. */
  changed: number
  by: string
}

export interface StoredDecision extends DecidedFinding {
  /** Ascending in the order of their coming. */
  number: number
  at: string
}

/**
 * Decisions of every gallery, whatever engine its images live in; they go with their gallery. Each call is durable before it
 * resolves. A decision is stored before what it changes is done, and settled after: one that a process left unsettled is done
 * by the next.
 */
export interface DecisionStore {
  /** Unsettled. @throws AlikeError `gallery_not_found`, `decisions_full`, `storage_full`, `overloaded` */
  add(galleryUid: string, finding: DecidedFinding): Promise<StoredDecision>
  /** @throws AlikeError `storage_full`, `overloaded` */
  settle(galleryUid: string, number: number): Promise<void>
  /** In the order of their coming. @param after `number` of the last one read; 0: from the first @throws AlikeError `gallery_not_found` */
  page(galleryUid: string, after: number, limit: number): Promise<StoredDecision[]>
  /** @throws AlikeError `gallery_not_found`, `storage_full`, `overloaded` */
  remove(galleryUid: string, number: number): Promise<void>
  /** In the order of their coming. @throws AlikeError `gallery_not_found` */
  unsettled(galleryUid: string): Promise<StoredDecision[]>
}

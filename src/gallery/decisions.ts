/** Decisions about findings of a gallery, as the rest of Alike sees them, and where they are stored. */

const decisionKinds = ['label', 'copies'] as const
export type DecisionKind = (typeof decisionKinds)[number]

/** A decision to be made. */
export type NewDecision = { ids: string[]; by: string } & (
  | { kind: 'label'; decision: 'keep-label' | 'dismissed' }
  | { kind: 'label'; decision: 'set-label'; label: string | null }
  | { kind: 'copies'; decision: 'not-copies' | 'dismissed' }
  /** The others are deleted. */
  | { kind: 'copies'; decision: 'keep-one'; keep: string }
)

export interface DecidedImage {
  id: string
  /** If another image is stored under this id, the decision does not apply to it. */
  contentHash: string
  /** After the decision, and before it. */
  label: string | null
  labelBefore: string | null
}

/** A decision and the images it concerns, as they were when it was made. */
export interface DecidedFinding {
  kind: DecisionKind
  decision: NewDecision['decision']
  images: DecidedImage[]
  label?: string | null | undefined
  keep?: string | undefined
  /** Images that are given another label, or deleted. */
  changed: number
  by: string
}

export interface StoredDecision extends DecidedFinding {
  /** Ascending in order of arrival. */
  number: number
  at: string
}

/**
 * Decisions of every gallery, whatever engine stores its images; deleted with their gallery. Each call is durable
 * before it resolves. A decision is stored before it is applied, and marked as settled afterwards: if a process leaves
 * one unsettled, the next process applies it.
 */
export interface DecisionStore {
  /**
   * Stored unsettled.
   * @throws AlikeError `gallery_not_found`, `decisions_full`, `storage_full`, `overloaded`
   */
  add(galleryUid: string, finding: DecidedFinding): Promise<StoredDecision>
  /** @throws AlikeError `storage_full`, `overloaded` */
  settle(galleryUid: string, number: number): Promise<void>
  /**
   * In order of arrival.
   * @param after `number` of the last one read; 0: from the first
   * @param ids only those about at least one of these images; undefined: all
   * @throws AlikeError `gallery_not_found`
   */
  page(galleryUid: string, after: number, limit: number, ids?: readonly string[]): Promise<StoredDecision[]>
  /** @throws AlikeError `gallery_not_found`, `storage_full`, `overloaded` */
  remove(galleryUid: string, number: number): Promise<void>
  /**
   * In order of arrival.
   * @throws AlikeError `gallery_not_found`
   */
  unsettled(galleryUid: string): Promise<StoredDecision[]>
}

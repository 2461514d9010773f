/** What was decided about findings of a gallery, as the rest of Alike sees it. */

export const decisionKinds = ['label', 'copies'] as const
export type DecisionKind = (typeof decisionKinds)[number]

/** A decision on its way; what it changes is done together with storing it. */
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

export interface StoredDecision {
  /** Ascending in the order of their coming. */
  number: number
  kind: DecisionKind
  decision: NewDecision['decision']
  images: DecidedImage[]
  label?: string | null | undefined
  keep?: string | undefined
  /** Images that got another label, or were removed. */
  changed: number
  by: string
  at: string
}

/** Of one set of images: a decision and what it changes are committed together. */
export interface SetDecisions {
  /** Labels are set, or copies removed, and it is stored. @throws AlikeError `image_not_found`, `image_damaged`, `decisions_full`, `storage_full`, `overloaded` */
  decide(decision: NewDecision): Promise<StoredDecision>
  /** In the order of their coming. @param after `number` of the last one read; 0: from the first */
  page(after: number, limit: number): Promise<StoredDecision[]>
  /**
   * It is asked again. A label that was set, and is still there, is what it was before; what was removed stays removed.
   * @throws AlikeError `decision_not_found`, `storage_full`, `overloaded`
   */
  takeBack(number: number): Promise<void>
}

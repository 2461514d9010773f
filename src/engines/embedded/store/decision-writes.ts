/** A decision and what it changes, as one step of a transaction that the writer thread holds open. */
import { AlikeError } from '../../../errors.js'
import type { DecidedImage, NewDecision, StoredDecision } from '../../../gallery/decisions.js'
import type { ImageRecord } from '../../../gallery/records.js'
import { nfc } from '../../../text.js'
import type { DecisionTable } from './decision-table.js'

export interface DecideRequest {
  gallery: number
  decision: NewDecision
  /** Decisions that the gallery may hold. */
  max: number
  at: string
}

export interface Decided {
  record: StoredDecision
  removedSlots: number[]
}

/** What is changed by it. */
export interface DecidedImages {
  find(id: string): ImageRecord | undefined
  setLabel(id: string, label: string | null): void
  /** @returns its slot */
  remove(id: string): number
}

/** @throws AlikeError `image_not_found`, `image_damaged`, `decisions_full`; what was changed before is undone with the transaction */
export function decide(
  { gallery, decision, max, at }: DecideRequest,
  decisions: DecisionTable,
  images: DecidedImages,
): Decided {
  if (decisions.count(gallery) >= max)
    throw new AlikeError('decisions_full', { detail: `It may hold ${max} decisions.` })
  const known = new Map([...new Set(decision.ids)].map((id) => [id, expectImage(id, images)]))
  const label = decision.decision === 'set-label' ? decision.label && nfc(decision.label) : undefined
  const decided: DecidedImage[] = []
  const removedSlots: number[] = []
  let relabelled = 0
  for (const [id, image] of known) {
    const isRelabelled = label !== undefined && label !== image.label
    if (isRelabelled) images.setLabel(image.id, label)
    if (isRelabelled) relabelled += 1
    if (decision.decision === 'keep-one' && id !== decision.keep) removedSlots.push(images.remove(image.id))
    decided.push({
      id: image.id,
      contentHash: image.contentHash,
      label: label === undefined ? image.label : label,
      labelBefore: image.label,
    })
  }
  const changed = relabelled + removedSlots.length
  return { record: decisions.insert(gallery, { decision, images: decided, changed, at }), removedSlots }
}

/** @throws AlikeError `decision_not_found` */
export function takeBack(gallery: number, number: number, decisions: DecisionTable, images: DecidedImages): void {
  const decision = decisions.find(gallery, number)
  if (decision === undefined) throw new AlikeError('decision_not_found')
  decisions.delete(number)
  if (decision.decision !== 'set-label') return
  for (const { id, contentHash, label, labelBefore } of decision.images) {
    const image = images.find(id)
    if (image?.contentHash === contentHash && image.label === label && label !== labelBefore)
      images.setLabel(image.id, labelBefore)
  }
}

function expectImage(id: string, images: DecidedImages): ImageRecord {
  const image = images.find(id)
  if (image === undefined) throw new AlikeError('image_not_found', { detail: `There is no ${id}.` })
  if (image.unreadable === 'record') throw new AlikeError('image_damaged')
  return image
}

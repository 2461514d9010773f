/** Whether rankings of some pictures can be measured. */
import type { LabelledImage } from '../datasets/labelled-image.js'

/** Whether one of the pictures has another to find: of its label, and not a copy of it. Without, mAP@10 is unknown. */
export function isRankable(pictures: readonly Pick<LabelledImage, 'label' | 'group'>[]): boolean {
  const groupOf = new Map(pictures.map(({ label, group }) => [label, group]))
  return pictures.some(({ label, group }) => groupOf.get(label) !== group)
}

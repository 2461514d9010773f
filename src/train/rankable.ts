/** Whether rankings of some pictures can be measured. */
import type { LabelledImage } from '../datasets/labelled-image.js'

/** Whether any of the pictures has another to find: with its label, but not a copy of it. Otherwise mAP@10 is undefined. */
export function isRankable(pictures: readonly Pick<LabelledImage, 'label' | 'group'>[]): boolean {
  const groupOf = new Map(pictures.map(({ label, group }) => [label, group]))
  return pictures.some(({ label, group }) => groupOf.get(label) !== group)
}

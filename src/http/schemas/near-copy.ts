/** How surely a picture is a copy of another, as every answer and parameter says it. */
import { Type } from 'typebox'
import { defaultDuplicateScore } from '../../copies/near-copy-score.js'

export const NearCopyScore = Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()], {
  description: `How surely one picture is a copy of the other: the same picture made smaller, compressed, cropped, bordered, mirrored or recoloured. 1 is equal; from ${defaultDuplicateScore} on two pictures are near-copies, which two in a million pairs of different photographs are by chance. null: there is no telling, as one of them is without features or was stored without a thumbnail before copies were looked for.`,
})

export function duplicateScoreSchema(more: string) {
  return Type.Number({
    minimum: 0,
    maximum: 1,
    default: defaultDuplicateScore,
    description: `Two pictures whose near-copy score is at least so much are near-copies; those of equal bytes always are. ${more}`,
  })
}

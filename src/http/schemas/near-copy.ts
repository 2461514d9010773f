/** The near-copy score in answers and parameters. */
import { Type } from 'typebox'
import { defaultDuplicateScore } from '../../copies/near-copy-score.js'

export const NearCopyScore = Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()], {
  description: `How certain it is that one picture is a copy of the other: the same picture scaled down, recompressed, cropped, bordered, mirrored or recoloured. 1 is identical; from ${defaultDuplicateScore} on two pictures are near-copies, which happens by chance for two in a million pairs of different photographs. null: unknown, because one of them has no features or was stored without a thumbnail before descriptors existed.`,
})

export function duplicateScoreSchema(more: string) {
  return Type.Number({
    minimum: 0,
    maximum: 1,
    default: defaultDuplicateScore,
    description: `Minimum near-copy score of two near-copies; files with identical bytes always are. ${more}`,
  })
}

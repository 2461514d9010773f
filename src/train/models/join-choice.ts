/** Chooses the weights of the parts of the joined embedding on validation pictures. */
import { embeddingDimensionMax } from '../../embedding/model-manifest.js'
import { type CopyQuality, meanFirstHit } from '../../eval/copies.js'
import { type JoinSettings, joinedRows, type PosteriorSettings, type RowsOfParts } from './joined-embedding.js'
import { bestOf, mAP10Of } from './val-choice.js'

const posteriorShares = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
const sharpnesses = [0.25, 0.5, 1, 1.5]
export const instanceShares = [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4] as const

/** mAP@10 that may be given up for finding copies. */
const allowedLoss = 0.004

/**
 * The settings with the best mAP@10; no posterior if that is unknown, because no two pictures share a label, or if there
 * are so many classes that the embedding would be longer than any manifest may state.
 * @param val pictures not used in training
 */
export function choosePosterior(val: RowsOfParts): PosteriorSettings & { mAP10: number | null } {
  const count = val.ids.length
  const length = val.dimension + (val.logits.length + (val.instance?.length ?? 0)) / count
  const tried = (length > embeddingDimensionMax ? [0] : posteriorShares).flatMap((share) =>
    (share === 0 ? [1] : sharpnesses).map((sharpness) => ({ share, sharpness })),
  )
  const scored = tried.map((posterior) => ({
    ...posterior,
    mAP10: mAP10Of(joinedRows(val, { posterior, instanceShare: 0 })),
  }))
  return bestOf(scored)
}

export interface TriedInstanceShare {
  instanceShare: number
  /** Null if no two pictures share a label. */
  mAP10: number | null
  /** Null if no copies were made. */
  copies: number | null
}

export interface InstanceChoice extends TriedInstanceShare {
  tried: TriedInstanceShare[]
}

/**
 * Among the shares with an mAP@10 close to the best, the one that ranks the most edited copies first; on a tie the
 * smallest. None if mAP@10 is unknown.
 * @param val of a network that has that part
 * @param judgeCopies measures a join on edited copies of `val`
 */
export function chooseInstanceShare(
  val: RowsOfParts,
  posterior: PosteriorSettings,
  judgeCopies: (settings: JoinSettings) => CopyQuality,
): InstanceChoice {
  const tried = instanceShares.map((instanceShare) => {
    const settings = joinSettings(posterior, instanceShare)
    return { instanceShare, mAP10: mAP10Of(joinedRows(val, settings)), copies: meanFirstHit(judgeCopies(settings)) }
  })
  const best = Math.max(...tried.map(({ mAP10 }) => mAP10 ?? 0))
  const close = tried.filter(({ mAP10, instanceShare }) =>
    mAP10 === null ? instanceShare === 0 : mAP10 >= best - allowedLoss,
  )
  return { ...close.reduce((found, next) => ((next.copies ?? 0) > (found.copies ?? 0) ? next : found)), tried }
}

/** The instance part takes its share proportionally from the two others, so that their chosen ratio is preserved. */
export function joinSettings({ share, sharpness }: PosteriorSettings, instanceShare: number): JoinSettings {
  return { posterior: { share: share * (1 - instanceShare), sharpness }, instanceShare }
}

/** Relates the scores of an imported network to the labels of pictures. */
import { availableParallelism } from 'node:os'
import { spreadOverLabels } from '../../../datasets/samples.js'
import type { SplitImage } from '../../../datasets/split.js'
import { type Model, networkFile } from '../../../embedding/model-manifest.js'
import { AlikeError } from '../../../errors.js'
import { calibrate } from '../../../eval/calibration.js'
import { evaluateRetrieval, type QualityNumbers } from '../../../eval/quality.js'
import { seededRandom } from '../../../eval/random.js'
import type { ScoreCalibration } from '../../../eval/score-calibration.js'
import { embedExported } from '../../report/embed-exported.js'
import { openOnnx } from '../onnx-session.js'

/** They make 8 million pairs. */
const imagesMax = 4_000

export interface Calibrated {
  calibration: ScoreCalibration
  /** Of the same pictures, each searched for among the others. */
  quality: QualityNumbers
}

/**
 * Pictures of train count as those of val, because the network has learnt from neither; test is not looked at.
 * @throws AlikeError `dataset_unusable`; the reason of `stop`
 */
export async function calibrateOn(
  images: readonly SplitImage[],
  model: Model,
  { log, stop }: { log: (line: string) => void; stop?: AbortSignal | undefined },
): Promise<Calibrated> {
  const known = images.filter(({ split }) => split !== 'test')
  const some = spreadOverLabels(known, imagesMax, seededRandom(1))
  log(`embedding ${some.length} labelled pictures`)
  const session = await openOnnx(networkFile(model, 'fp32')!, { threads: availableParallelism(), stop })
  const rows = await embedExported(model, session, some).finally(() => session.close())
  const calibration = calibrate(rows)
  if (calibration === null)
    throw new AlikeError('dataset_unusable', {
      detail: 'Its pictures make too few pairs, of equal or of different labels, to tell what a score means.',
    })
  return { calibration, quality: evaluateRetrieval(rows, rows, { bootstrapSamples: 0 }).overall }
}

/** Watches for drift of queries, and for differences with another embedding set. */
import type { AppParts } from '../app.js'
import type { ModelFolders } from '../embedding/model-folders.js'
import { Shadow } from '../re-embedding/shadow.js'
import { ModelDrift } from '../watch/model-drift.js'
import { QueryDrift } from '../watch/query-drift.js'
import { RecallSample } from '../watch/recall-sample.js'
import type { JobKinds, JobParts } from './job-kinds.js'
import type { Opening } from './opened-parts.js'

export async function openQueryWatch(
  { config, logger, metrics }: Opening,
  { models, galleries, images, queries, mirrors, followers }: JobParts & JobKinds,
): Promise<AppParts['watch']> {
  const recall = new RecallSample({
    searches: galleries.searches,
    every: config.recallSampleEvery,
    onSample: metrics.countRecallSample,
    onFailure: (err) => {
      metrics.countRecallSampleFailure()
      logger.debug({ err }, 'a search could not be repeated exactly')
    },
  })
  const shadow = new Shadow({
    followers,
    mirrors,
    images,
    every: config.shadowSearchEvery,
    onCompared: metrics.countShadow,
    onFailure: (err) => {
      metrics.countShadowFailure()
      logger.debug({ err }, 'a search could not be answered by the other embedding set')
    },
  })
  return { recall, shadow, queries, drift: await openDrift(models.folders, { config, metrics, logger }) }
}

/** Maximum models besides the default one whose drift is watched. */
const driftingModelsMax = 8

async function openDrift(
  folders: ModelFolders,
  { config, metrics, logger }: Pick<Opening, 'config' | 'metrics' | 'logger'>,
): Promise<ModelDrift> {
  const { dataDir, driftQueries: queries } = config
  const { id, calibration } = folders.standard.manifest
  const standard = { dataDir, queries, logger, modelId: id, calibration, onBest: metrics.observeBest }
  return new ModelDrift({
    standard: await QueryDrift.open(standard),
    // the histograms of best hits cover only the default model: mixing several would blur them
    open: (modelId) =>
      QueryDrift.open({
        ...standard,
        modelId,
        file: `query-baseline-${modelId}.json`,
        calibration: folders.has(modelId) ? folders.get(modelId).manifest.calibration : undefined,
        onBest() {},
      }),
    othersMax: driftingModelsMax,
  })
}

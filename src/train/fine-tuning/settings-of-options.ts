/** Applies the options of `npm run train -- --init PATH …` to the defaults. */
import { join } from 'node:path'
import type { TrainOptions } from '../options.js'
import { runSettingsOf } from '../settings-of-options.js'
import { defaultFineTuneSettings, type FineTuneSettings } from './settings.js'

/** @param options with `init` and `name`, as `trainCommand` guarantees */
export function fineTuneSettingsOf(options: TrainOptions): FineTuneSettings {
  const defaults = defaultFineTuneSettings
  const { work, phases, views } = options
  return {
    ...defaults,
    ...lossesOf(options),
    ...runSettingsOf(options),
    ...{ phases, views },
    cache: options.cache ?? join(work, 'feature-cache'),
    init: options.init!,
    initSha256: options.initSha256,
    architecture: options.arch,
    inputSize: options.inputSize,
    name: options.name!,
    head: {
      ...defaults.head,
      ...(options.instance === 0 && { instanceDimension: 0 }),
      pooling: options.pooling,
    },
    instance: { ...defaults.instance, weight: options.instance },
    wildShare: options.wild,
    averageDecay: options.average,
    microBatch: options.microBatch,
    judgeEvery: options.judgeEvery,
    loaders: options.loaders,
  }
}

/** With pairs alone the classifier is detached and only provides the accuracy. */
function lossesOf({
  loss,
  margin,
  negatives,
  pairMean,
}: TrainOptions): Pick<FineTuneSettings, 'contrastive' | 'pairs' | 'detachedClassifier'> {
  const { contrastive } = defaultFineTuneSettings
  if (loss === 'classes') return { contrastive }
  const pairs = { weight: 1, margin, negativeWeight: negatives, mean: pairMean }
  return loss === 'both'
    ? { contrastive, pairs }
    : { contrastive: { ...contrastive, weight: 0 }, pairs, detachedClassifier: true }
}

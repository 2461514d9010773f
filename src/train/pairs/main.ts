/**
 * Compares the settings of the Siamese loss on frozen features, on val:
 * `node dist/src/train/pairs/main.js --init FILE --data FOLDER --name pairs [--cache FOLDER]`, as for `npm run train`.
 */
import { chooseBackend } from '../backend.js'
import { cachedMaps } from '../fine-tuning/cached-maps.js'
import { fineTuneSettingsOf } from '../fine-tuning/command-line.js'
import type { LossSettings } from '../fine-tuning/settings.js'
import { PictureLoader } from '../loader/picture-loader.js'
import type { PairLossSettings } from '../losses/pair-contrastive.js'
import { startingNetwork } from '../models/starting-network.js'
import { setConvolutionPrecision } from '../native/bfloat16-convolutions.js'
import { share, table } from '../report/markdown.js'
import { readTrainingData } from '../training-data.js'
import { readStartingWeights } from '../weights/starting-weights.js'
import { frozenFeatures } from './frozen-features.js'
import { trainHead } from './train-head.js'

const means = ['each-kind', 'all-pairs'] as const
const ratios = [1, 2, 4, 14]
const margins = [1, 1.4]

/** Every combination, and what it is compared with. */
function rows(defaults: LossSettings): [name: string, losses: LossSettings, samples: number][] {
  const base = { labelSmoothing: 0.1, contrastive: { weight: 0, temperature: 0.1 } }
  const alone = (pairs: PairLossSettings): LossSettings => ({ ...base, pairs: { ...pairs, weight: 1 }, detachedClassifier: true })
  const grid = means.flatMap((mean) => margins.flatMap((margin) => ratios.map((negativeWeight) => [`pairs, ${mean}, margin ${margin}, 1:${negativeWeight}`, alone({ mean, margin, negativeWeight }), 8] as [string, LossSettings, number])))
  const pairs: PairLossSettings & { weight: number } = { mean: 'all-pairs', margin: 1.4, negativeWeight: 4, weight: 1 }
  return [
    ['classifier alone', base, 4],
    ['classifier and supervised contrastive', { ...base, contrastive: defaults.contrastive }, 4],
    ...grid,
    ['classifier and pairs, all-pairs, margin 1.4, 1:4', { ...base, pairs }, 8],
  ]
}

const settings = { ...fineTuneSettingsOf(process.argv.slice(2)), views: 1 }
await chooseBackend(settings.backend)
setConvolutionPrecision('float32')
const starting = await readStartingWeights(settings.init, settings.initSha256)
const data = await readTrainingData(settings)
const network = startingNetwork(starting, { name: 'pairs', labels: data.labels, head: settings.head, seed: settings.seed, fixedSize: false })
const loader = new PictureLoader(data.pictures)
const maps = await cachedMaps(network, starting.sha256, data, settings, loader, console.error, new AbortController().signal)
loader.close()
const features = await frozenFeatures(network, data, maps!, console.error)
await maps!.close()
const judged = rows(settings).map(([name, losses, samples]) => {
  const { overall, pairs } = trainHead(features, data, { losses, batch: { classes: 15, samples }, epochs: 20, peakRate: 1e-3, seed: settings.seed })
  const cells = [overall['mAP@1'], overall['mAP@10'], overall['mAP@50'], overall.normalisedMeanRank, overall.knnAccuracy, pairs?.rocAuc, pairs?.equalErrorRate].map(share)
  console.error([name, ...cells].join(' '))
  return [name, ...cells]
})
console.log(table(['loss on frozen features, val', 'mAP@1', 'mAP@10', 'mAP@50', 'NMR', '10-NN', 'pair AUC', 'EER'], judged))

/**
 * Compares losses, settings of the Siamese loss and kinds of embedding on frozen features, on val (protocol A) and on
 * classes that the head never saw (C):
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
import { holdOut } from './hold-out.js'
import { trainHead } from './train-head.js'

const means = ['each-kind', 'all-pairs'] as const
const ratios = [1, 2, 4, 14]
const margins = [1, 1.4]

interface Row {
  name: string
  losses: LossSettings
  samples: number
  /** With the classifier's posterior beside the embedding. */
  posterior?: true
}

/** Every combination, and what it is compared with. */
function rows(defaults: LossSettings): Row[] {
  const base = { labelSmoothing: 0.1, contrastive: { weight: 0, temperature: 0.1 } }
  const alone = (pairs: PairLossSettings): LossSettings => ({ ...base, pairs: { ...pairs, weight: 1 }, detachedClassifier: true })
  const grid = means.flatMap((mean) =>
    margins.flatMap((margin) => ratios.map((negativeWeight): Row => ({ name: `pairs, ${mean}, margin ${margin}, 1:${negativeWeight}`, losses: alone({ mean, margin, negativeWeight }), samples: 8 }))),
  )
  const both: LossSettings = { ...base, contrastive: defaults.contrastive, pairs: { mean: 'all-pairs', margin: 1.4, negativeWeight: 4, weight: 1 } }
  return [
    { name: 'classifier alone', losses: base, samples: 4 },
    { name: 'classifier alone, posterior beside it', losses: base, samples: 4, posterior: true },
    { name: 'classifier and supervised contrastive', losses: { ...base, contrastive: defaults.contrastive }, samples: 4 },
    ...grid,
    { name: 'classifier, supervised contrastive and pairs', losses: both, samples: 8 },
    { name: 'classifier, supervised contrastive and pairs, posterior beside it', losses: both, samples: 8, posterior: true },
  ]
}

/** Every fifth class, in the order of the names. */
const isHeldOut = (_: string, index: number) => index % 5 === 2

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
const unseen = holdOut(features, data, data.labels.filter(isHeldOut))
const judged = rows(settings).map(({ name, losses, samples, posterior }) => {
  const head = { losses, epochs: 20, peakRate: 1e-3, seed: settings.seed }
  const A = trainHead(features, data, { ...head, batch: { classes: data.labels.length, samples }, ...(posterior && { posterior: 'choose' as const }) })
  const C = trainHead(unseen.features, unseen.data, { ...head, batch: { classes: unseen.data.labels.length, samples }, ...(A.posterior && { posterior: A.posterior }) })
  const cells = [A.overall['mAP@1'], A.overall['mAP@10'], A.overall['mAP@50'], A.overall.normalisedMeanRank, A.overall.knnAccuracy, A.pairs?.rocAuc, A.pairs?.equalErrorRate, C.overall['mAP@10'], C.overall.normalisedMeanRank].map(share)
  const what = A.posterior === undefined ? name : `${name} (share ${A.posterior.share}, sharpness ${A.posterior.sharpness})`
  console.error([what, ...cells].join(' '))
  return [what, ...cells]
})
console.log(table(['loss on frozen features, val', 'mAP@1', 'mAP@10', 'mAP@50', 'NMR', '10-NN', 'pair AUC', 'EER', 'C: mAP@10', 'C: NMR'], judged))

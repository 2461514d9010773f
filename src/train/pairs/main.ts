/**
 * Compares losses, settings of the Siamese loss and kinds of embedding on frozen features: val pictures among
 * themselves (protocol A), against train (B), and those of held-out classes (C). Each number is the mean over three
 * seeds.
 */
import { join } from 'node:path'
import type { Command } from '@commander-js/extra-typings'
import { command, runCommand } from '../../command-line.js'
import { chooseBackend } from '../backend.js'
import { cachedMaps } from '../fine-tuning/cached-maps.js'
import { defaultFineTuneSettings, type FineTuneSettings, type LossSettings } from '../fine-tuning/settings.js'
import { ImageLoader } from '../loader/image-loader.js'
import type { PairLossSettings } from '../losses/pair-contrastive.js'
import { startingNetwork } from '../models/starting-network.js'
import { setConvolutionPrecision } from '../native/bfloat16-convolutions.js'
import { type TrainOptions, trainCommand } from '../options.js'
import { share, table } from '../report/markdown.js'
import { readTrainingData, type TrainingData } from '../training-data.js'
import { readStartingWeights } from '../weights/starting-weights.js'
import { type FrozenFeatures, frozenFeatures } from './frozen-features.js'
import { type HeldOut, holdOut } from './hold-out.js'
import { trainHead } from './train-head.js'

const pairMeans = ['each-kind', 'all-pairs'] as const
const ratios = [1, 2, 4, 14]
const margins = [1, 1.4]
const seeds = [1, 2, 3]

interface Row {
  name: string
  losses: LossSettings
  samples: number
  /** Join the classifier's posterior to the embedding. */
  posterior?: true
  /** Weight of distilling the mean over views into the single view. */
  distillation?: number
}

/** Every combination, and the reference it is compared with. */
function rows(defaults: LossSettings): Row[] {
  const base = { labelSmoothing: 0.1, contrastive: { weight: 0, temperature: 0.1 } }
  const alone = (pairs: PairLossSettings): LossSettings => ({
    ...base,
    pairs: { ...pairs, weight: 1 },
    detachedClassifier: true,
  })
  const grid = pairMeans.flatMap((mean) =>
    margins.flatMap((margin) =>
      ratios.map(
        (negativeWeight): Row => ({
          name: `pairs, ${mean}, margin ${margin}, 1:${negativeWeight}`,
          losses: alone({ mean, margin, negativeWeight }),
          samples: 8,
        }),
      ),
    ),
  )
  const both: LossSettings = {
    ...base,
    contrastive: defaults.contrastive,
    pairs: { mean: 'all-pairs', margin: 1.4, negativeWeight: 4, weight: 1 },
  }
  const joined = 'classifier, supervised contrastive and pairs'
  return [
    { name: 'classifier alone', losses: base, samples: 4 },
    { name: 'classifier alone, posterior beside it', losses: base, samples: 4, posterior: true },
    {
      name: 'classifier and supervised contrastive',
      losses: { ...base, contrastive: defaults.contrastive },
      samples: 4,
    },
    ...grid,
    { name: joined, losses: both, samples: 8 },
    { name: `${joined}, posterior beside it`, losses: both, samples: 8, posterior: true },
    { name: `${joined}, four views distilled into one`, losses: both, samples: 8, distillation: 4 },
    {
      name: `${joined}, four views distilled into one, posterior beside it`,
      losses: both,
      samples: 8,
      distillation: 4,
      posterior: true,
    },
  ]
}

/** Every fifth class in alphabetical order. */
const isHeldOut = (_: string, index: number) => index % 5 === 2

const columns = [
  'mAP@1',
  'mAP@10',
  'mAP@50',
  'NMR',
  '10-NN',
  'pair AUC',
  'EER',
  'B: mAP@10',
  'B: NMR',
  'C: mAP@10',
  'C: NMR',
]

/** Frozen features of the data, and those of the classes that are held out for protocol C. */
interface Known {
  data: TrainingData
  features: FrozenFeatures
  unseen: HeldOut
}

/** Those of `npm run train` that have an effect here. */
const optionNames = [
  ...(['data', 'labels', 'work', 'backend', 'seed'] as const),
  ...(['init', 'initSha256', 'views', 'pooling', 'cache'] as const),
]
type Options = Pick<TrainOptions, (typeof optionNames)[number]>

function comparisonCommand(): Command<[], Options> {
  const program = command(
    'npx node dist/src/train/pairs/main.js',
    'Compares losses on frozen features of val pictures.',
  )
  for (const name of optionNames)
    program.addOption(trainCommand().options.find((option) => option.attributeName() === name)!)
  program.options.find(({ long }) => long === '--init')!.makeOptionMandatory()
  return program as Command<[], Options>
}

function settingsOf({ init, work, cache = join(work, 'feature-cache'), pooling, ...given }: Options): FineTuneSettings {
  const { head, ...defaults } = defaultFineTuneSettings
  return { ...defaults, ...given, init: init!, name: 'pairs', work, cache, head: { ...head, pooling } }
}

async function compare(options: Options): Promise<void> {
  const settings = settingsOf(options)
  const known = await readKnown(settings)
  const judged = rows(settings).map((row) => {
    const runs = seeds.map((seed) => judge(known, row, seed))
    const cells = runs[0]!.numbers.map((_, column) => share(meanOf(runs.map(({ numbers }) => numbers[column]!))))
    const [shares, sharpnesses] = [
      runs.flatMap(({ posterior }) => posterior?.share ?? []),
      runs.flatMap(({ posterior }) => posterior?.sharpness ?? []),
    ]
    const what =
      shares.length === 0 ? row.name : `${row.name} (share ${shares.join(', ')}, sharpness ${sharpnesses.join(', ')})`
    console.error([what, ...cells].join(' '))
    return [what, ...cells]
  })
  console.log(table(['loss on frozen features, val', ...columns], judged))
}

async function readKnown(settings: FineTuneSettings): Promise<Known> {
  await chooseBackend(settings.backend)
  const compute = setConvolutionPrecision('float32')
  const starting = await readStartingWeights(settings.init, settings.initSha256)
  const data = await readTrainingData(settings)
  const network = startingNetwork(starting, {
    name: settings.name,
    labels: data.labels,
    head: settings.head,
    seed: settings.seed,
    fixedSize: false,
  })
  const loader = new ImageLoader(data.images)
  const maps = await cachedMaps({
    network,
    weightsSha256: starting.sha256,
    compute,
    data,
    settings,
    loader,
    log: console.error,
    stop: new AbortController().signal,
  })
  await loader.close()
  const features = await frozenFeatures({ network, data, maps: maps!, views: settings.views, log: console.error })
  await maps!.close()
  return { data, features, unseen: holdOut(features, data, data.labels.filter(isHeldOut)) }
}

function judge({ data, features, unseen }: Known, { losses, samples, posterior, distillation }: Row, seed: number) {
  const head = { losses, epochs: 20, peakRate: 1e-3, seed, ...(distillation !== undefined && { distillation }) }
  const A = trainHead(features, data, {
    ...head,
    batch: { classes: data.labels.length, samples },
    ...(posterior && { posterior: 'choose' as const }),
  })
  const C = trainHead(unseen.features, unseen.data, {
    ...head,
    batch: { classes: unseen.data.labels.length, samples },
    ...(A.posterior && { posterior: A.posterior }),
  })
  const retrieved = [
    A.overall['mAP@1'],
    A.overall['mAP@10'],
    A.overall['mAP@50'],
    A.overall.normalisedMeanRank,
    A.overall.knnAccuracy,
  ]
  const others = [
    A.pairs?.rocAuc,
    A.pairs?.equalErrorRate,
    A.againstTrain?.['mAP@10'],
    A.againstTrain?.normalisedMeanRank,
    C.overall['mAP@10'],
    C.overall.normalisedMeanRank,
  ]
  return { numbers: [...retrieved, ...others].map((number) => number ?? NaN), posterior: A.posterior }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

await runCommand(comparisonCommand().action(compare))

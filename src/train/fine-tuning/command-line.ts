/** `npm run train -- --init PATH …`: the options that people change. */
import { parseArgs } from 'node:util'
import { backendChoices } from '../backend.js'
import { fraction, oneOf, positive, refuse } from '../command-line.js'
import { defaultFineTuneSettings, type FineTuneSettings, type Phase, phaseNames } from './settings.js'

export const fineTuneUsage = `npm run train -- --init PATH --data FOLDER [options]
  --init PATH           starting weights: safetensors, Keras .h5, or the folder of a network trained here;
                        the architecture follows from them
  --init-sha256 HEX     their checksum, refused when it differs
  --arch NAME           refused when the weights are of another architecture
  --data FOLDER  --labels CSV  --licence TEXT     as without --init
  --phases LIST         what is trained, and for how many epochs (default tail:4,all:3)
                        head: new layers; tail: also the end of the network, from cached maps; all: every layer,
                        all:1@160 on pictures of side 160, half the work; all:1x2 at twice the usual learning rates
  --loss classes|pairs|both  cosine classifier, Siamese loss over all pairs, or their sum (default classes)
  --mix X               share of the batches whose pictures are mixed in twos, by mixup or CutMix (default 0)
  --teachers A,B        folders of networks trained here, of the same labels: this one learns what they say together
  --instance X          weight of telling each picture from all others (default 0.3; 0 leaves that part out)
  --wild X              share of pictures made smaller, saved again, grey, blurred or framed first (default 0.25)
  --margin X  --negatives X  --pair-mean all-pairs|each-kind   of the Siamese loss (default 1.4, 4, all-pairs)
  --views N             cached views of each picture: the middle and random crops (default 2), 3 GB each for 7,500
  --pooling average|gem
  --cache FOLDER        where the cached maps lie (default .train/feature-cache)
  --name NAME  --out FOLDER  --work FOLDER  --seed N  --classes N (in a batch)  --samples N (of each)
  --micro-batch N       pictures in one pass (default 6, a whole batch on a GPU)  --loaders N  processes that decode
  --backend ${backendChoices.join('|')}  --compute auto|float32|bfloat16 (of convolutions, native backend only)
  --judge-every N       epochs from one judgement on val to the next (default 1)
  --average X           share of the averaged weights that a step keeps (default 0.99; 0.995 for long runs)
  --resume              go on from the last checkpoint of this name; --phases may have grown at its end
  --no-report           export at the end, but leave the test pictures alone: for a run that will go on
  --export-only         train nothing, export the best weights so far, without touching the test pictures
  --finish              the same with the report: ends a run that was cut off, or trained on another machine`

/** @throws Error with the usage when an option is unknown, missing or unfit. */
export function fineTuneSettingsOf(args: readonly string[]): FineTuneSettings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      init: { type: 'string' },
      'init-sha256': { type: 'string' },
      arch: { type: 'string' },
      data: { type: 'string' },
      labels: { type: 'string' },
      licence: { type: 'string' },
      phases: { type: 'string' },
      views: { type: 'string' },
      pooling: { type: 'string' },
      cache: { type: 'string' },
      loss: { type: 'string' },
      margin: { type: 'string' },
      negatives: { type: 'string' },
      'pair-mean': { type: 'string' },
      name: { type: 'string' },
      out: { type: 'string' },
      work: { type: 'string' },
      seed: { type: 'string' },
      samples: { type: 'string' },
      classes: { type: 'string' },
      mix: { type: 'string' },
      teachers: { type: 'string' },
      instance: { type: 'string' },
      wild: { type: 'string' },
      average: { type: 'string' },
      'judge-every': { type: 'string' },
      'micro-batch': { type: 'string' },
      loaders: { type: 'string' },
      backend: { type: 'string' },
      compute: { type: 'string' },
      resume: { type: 'boolean' },
      'export-only': { type: 'boolean' },
      finish: { type: 'boolean' },
      'no-report': { type: 'boolean' },
    },
  })
  const defaults = defaultFineTuneSettings
  const instanceWeight = fraction('instance', values.instance, fineTuneUsage) ?? defaults.instance.weight
  return {
    ...defaults,
    ...lossesOf(values),
    mixShare: fraction('mix', values.mix, fineTuneUsage) ?? defaults.mixShare,
    wildShare: fraction('wild', values.wild, fineTuneUsage) ?? defaults.wildShare,
    averageDecay: fraction('average', values.average, fineTuneUsage) ?? defaults.averageDecay,
    teachers: values.teachers?.split(',') ?? defaults.teachers,
    instance: { ...defaults.instance, weight: instanceWeight },
    microBatch: positive('micro-batch', values['micro-batch'], fineTuneUsage) ?? defaults.microBatch,
    judgeEvery: positive('judge-every', values['judge-every'], fineTuneUsage) ?? defaults.judgeEvery,
    loaders: positive('loaders', values.loaders, fineTuneUsage) ?? defaults.loaders,
    init: values.init ?? fail('--init is missing'),
    ...(values['init-sha256'] !== undefined && { initSha256: values['init-sha256'] }),
    ...(values.arch !== undefined && { architecture: values.arch }),
    data: values.data ?? fail('--data is missing'),
    ...(values.labels !== undefined && { labels: values.labels }),
    name: values.name ?? fail('--name is missing'),
    out: values.out ?? defaults.out,
    work: values.work ?? defaults.work,
    cache: values.cache ?? defaults.cache,
    dataLicence: values.licence ?? null,
    phases: values.phases === undefined ? defaults.phases : phasesOf(values.phases),
    views: positive('views', values.views, fineTuneUsage) ?? defaults.views,
    head: {
      ...defaults.head,
      ...(instanceWeight === 0 && { instanceDimension: 0 }),
      pooling: oneOf('pooling', values.pooling ?? defaults.head.pooling, ['average', 'gem'], fineTuneUsage),
    },
    seed: positive('seed', values.seed, fineTuneUsage) ?? defaults.seed,
    batch: {
      classes: positive('classes', values.classes, fineTuneUsage) ?? defaults.batch.classes,
      samples: positive('samples', values.samples, fineTuneUsage) ?? defaults.batch.samples,
    },
    backend: oneOf('backend', values.backend ?? 'auto', backendChoices, fineTuneUsage),
    compute: oneOf('compute', values.compute ?? 'auto', ['auto', 'float32', 'bfloat16'], fineTuneUsage),
    resume: values.resume ?? false,
    exportOnly: (values['export-only'] ?? false) || (values.finish ?? false),
    report: !(values['no-report'] ?? false) && !(values['export-only'] ?? false),
  }
}

interface LossOptions {
  loss?: string | undefined
  margin?: string | undefined
  negatives?: string | undefined
  'pair-mean'?: string | undefined
}

/** With pairs alone the classifier only looks on, so that accuracy can still be told. */
function lossesOf(values: LossOptions): Pick<FineTuneSettings, 'contrastive' | 'pairs' | 'detachedClassifier'> {
  const { contrastive } = defaultFineTuneSettings
  const loss = oneOf('loss', values.loss ?? 'classes', ['classes', 'pairs', 'both'], fineTuneUsage)
  if (loss === 'classes') return { contrastive }
  const pairs = {
    weight: 1,
    margin: positive('margin', values.margin, fineTuneUsage, false) ?? 1.4,
    negativeWeight: positive('negatives', values.negatives, fineTuneUsage, false) ?? 4,
    mean: oneOf('pair-mean', values['pair-mean'] ?? 'all-pairs', ['all-pairs', 'each-kind'], fineTuneUsage),
  }
  return loss === 'both'
    ? { contrastive, pairs }
    : { contrastive: { ...contrastive, weight: 0 }, pairs, detachedClassifier: true }
}

/** `tail:5,all:1`. Cached maps are of the trunk as it started, so nothing reads them after it was trained. */
function phasesOf(list: string): Phase[] {
  const phases = list.split(',').map((entry): Phase => {
    const {
      name = '',
      epochs,
      side,
      factor,
    } = /^(?<name>[^:]*)(:(?<epochs>[^@x]*)(@(?<side>[^x]*))?(x(?<factor>.*))?)?$/.exec(entry)?.groups ?? {}
    const trains = oneOf('phases', name, phaseNames, fineTuneUsage)
    if (side !== undefined && trains !== 'all') fail('--phases takes a side only for all')
    const times = positive('phases', factor, fineTuneUsage, false) ?? 1
    const { head, body } = phaseRates[trains]
    return {
      trains,
      epochs: positive('phases', epochs ?? '', fineTuneUsage)!,
      rate: { head: head * times, body: body * times },
      ...(side !== undefined && { side: positive('phases', side, fineTuneUsage)! }),
    }
  })
  const whole = phases.findIndex(({ trains }) => trains === 'all')
  if (whole >= 0 && phases.slice(whole).some(({ trains }) => trains !== 'all'))
    fail('--phases trains all only at the end')
  return phases
}

/** Peak learning rates. The head alone does not shake what was learned before; all layers together are moved least. */
const phaseRates: Record<Phase['trains'], Phase['rate']> = {
  head: { head: 1e-3, body: 0 },
  tail: { head: 1e-3, body: 1e-4 },
  all: { head: 2e-4, body: 5e-5 },
}

function fail(reason: string): never {
  return refuse(reason, fineTuneUsage)
}

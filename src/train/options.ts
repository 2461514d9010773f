/** The options of `npm run train`: names, defaults, bounds and descriptions, declared only here. */
import { Command, InvalidArgumentError, Option, type OptionValues } from '@commander-js/extra-typings'
import { command, fraction, oneOf, positiveNumber, wholeNumber } from '../command-line.js'
import { fits } from '../image/preprocessing.js'
import { backendChoices } from './backend.js'
import { phasesOf } from './fine-tuning/phases.js'
import { defaultFineTuneSettings as fineTune } from './fine-tuning/settings.js'
import { networkName } from './network-name.js'
import { defaultSettings as scratch } from './settings.js'

const fromScratchHeading = 'From scratch (without --init):'
const fineTuningHeading = 'Fine-tuning (with --init):'
/** Seeds of epochs and views are multiples of it, and must be exact integers. */
const maxSeed = 2 ** 30
const lossChoices = ['classes', 'pairs', 'both'] as const
const pairMeans = ['all-pairs', 'each-kind'] as const
const computePrecisions = ['auto', 'float32', 'bfloat16'] as const

function foldersOf(text: string): string[] {
  const folders = text.split(',')
  if (folders.every((folder) => folder !== '')) return folders
  throw new InvalidArgumentError('It must be folders, separated by commas.')
}
const wholeOrAuto = (text: string): number | 'auto' => (text === 'auto' ? text : wholeNumber()(text))

type OptionsOf<Group extends () => { opts(): unknown }> = ReturnType<ReturnType<Group>['opts']>

const files = () =>
  new Command()
    .optionsGroup('Data and files:')
    .requiredOption('--data <folder>', 'label/picture, split/label/picture, or pictures and tar files with a CSV')
    .option('--labels <csv>', 'filename,label[,split][,duplicate_group]; labels.csv of the folder by default')
    .option('--feedback <file>', 'judgements of hits, as returned by GET …/feedback: pairs that belong together or not')
    .option('--licence <text>', 'licence of the pictures, for the model card')
    .option(
      '--name <name>',
      `name of the network; required with --init, otherwise ${scratch.name} by default`,
      networkName,
    )
    .option('--out <folder>', 'output folder; the network gets a folder of its name in it', scratch.out)
    .option('--work <folder>', 'folder for checkpoints and the log of the run', scratch.work)
    .option('--force', 'overwrite a run or a network of that name', false)

const course = () =>
  new Command()
    .optionsGroup('The run:')
    .option(
      '--resume',
      'continue from the last checkpoint of this name, perhaps with more --epochs or further --phases; start anew if there is none',
      false,
    )
    .option('--export-only', 'only export the best weights so far, without reading the test pictures', false)
    .option('--finish', 'the same, with the report: completes a run that was interrupted or trained elsewhere', false)
    .option('--no-report', 'do not read the test pictures at the end: for a run that will be continued')

const batches = () =>
  new Command()
    .optionsGroup('The run:')
    .option(`--backend <${backendChoices.join('|')}>`, 'compute backend', oneOf(backendChoices), scratch.backend)
    .option(
      '--compute <auto|float32|bfloat16>',
      'precision of convolutions, native backend only',
      oneOf(computePrecisions),
      scratch.compute,
    )
    .option('--arch <name>', 'architecture; with --init, other weights are refused')
    .option('--seed <number>', 'seed of split, order and augmentation', wholeNumber(1, maxSeed), scratch.seed)
    .option('--samples <count>', 'pictures of each class in a batch', wholeNumber(), scratch.batch.samples)
    .option('--classes <count>', 'classes in a batch', wholeNumber(2), scratch.batch.classes)
    .option(
      '--mix <share>',
      'share of batches whose pictures are mixed in pairs, by mixup or CutMix',
      fraction,
      fineTune.mixShare,
    )
    .addOption(
      new Option('--teachers <folders>', 'networks trained by this job on the same labels, separated by commas')
        .argParser(foldersOf)
        .default(fineTune.teachers, 'none'),
    )

const fromScratch = () =>
  new Command()
    .optionsGroup(fromScratchHeading)
    .option('--epochs <count>', 'epochs', wholeNumber(), scratch.epochs)
    .option('--rate <number>', 'peak learning rate', positiveNumber, scratch.learningRate.peak)
    .option(
      '--teacher-views <count>',
      'views of each picture that --teachers embed once, for all epochs; 0: a new view in each epoch',
      wholeNumber(0, 64),
      scratch.teacherViews,
    )
    .option(
      `--fit <${fits.join('|')}>`,
      'how a picture is fitted to the square input',
      oneOf(fits),
      scratch.preprocessing.fit,
    )

const start = () =>
  new Command()
    .optionsGroup(fineTuningHeading)
    .option(
      '--init <path>',
      'starting weights: safetensors, Keras .h5, or the folder of a network, trained by this job or imported',
    )
    .option('--init-sha256 <hex>', 'expected checksum of the weights')
    .option(
      '--input-size <pixels>',
      'side of the input; smaller is faster and less accurate; default: as for the weights',
      wholeNumber(32, 1_024),
    )
    .addOption(
      new Option(
        '--phases <list>',
        'what is trained, and for how many epochs: head (new layers; the only one for an imported network), tail (also the end of the network, from cached ' +
          'maps), all (every layer; all:1@160 on pictures of side 160, all:1x2 at twice the usual learning rates)',
      )
        .argParser(phasesOf)
        .default(fineTune.phases, fineTune.phases.map(({ trains, epochs }) => `${trains}:${epochs}`).join()),
    )

const losses = () =>
  new Command()
    .optionsGroup(fineTuningHeading)
    .option(
      '--loss <classes|pairs|both>',
      'cosine classifier, Siamese loss, or their sum',
      oneOf(lossChoices),
      'classes',
    )
    .option('--margin <distance>', 'margin of the Siamese loss, a Euclidean distance', positiveNumber, 1.4)
    .option('--negatives <weight>', 'weight of its negative pairs', positiveNumber, 4)
    .option('--pair-mean <all-pairs|each-kind>', 'how the pair loss is averaged', oneOf(pairMeans), 'all-pairs')
    .option(
      '--instance <weight>',
      'weight of the loss that distinguishes each picture from all others; 0: none',
      fraction,
      fineTune.instance.weight,
    )

const views = () =>
  new Command()
    .optionsGroup(fineTuningHeading)
    .option(
      '--wild <share>',
      'share of pictures first scaled down, recompressed, turned grey, blurred or framed',
      fraction,
      fineTune.wildShare,
    )
    .option('--views <count>', 'cached views of each picture, 3 GB each for 7,500', wholeNumber(1, 64), fineTune.views)
    .option(
      '--pooling <average|gem>',
      'how the feature map is pooled to one vector',
      oneOf(['average', 'gem']),
      fineTune.head.pooling,
    )

const passes = () =>
  new Command()
    .optionsGroup(fineTuningHeading)
    .option('--cache <folder>', 'folder of the cached feature maps; by default feature-cache in the --work folder')
    .option(
      '--micro-batch <count>',
      'pictures in one pass; auto: 6, a whole batch on a GPU',
      wholeOrAuto,
      fineTune.microBatch,
    )
    .option('--loaders <count>', 'decoder processes; auto: by the number of cores', wholeOrAuto, fineTune.loaders)
    .option('--judge-every <epochs>', 'epochs between evaluations on val', wholeNumber(), fineTune.judgeEvery)
    .option('--average <share>', 'decay of the averaged weights per step', fraction, fineTune.averageDecay)

export type TrainOptions = OptionsOf<typeof files> &
  OptionsOf<typeof course> &
  OptionsOf<typeof batches> &
  OptionsOf<typeof fromScratch> &
  OptionsOf<typeof start> &
  OptionsOf<typeof losses> &
  OptionsOf<typeof views> &
  OptionsOf<typeof passes>

/** An option that belongs to the other kind of run is an error, because it would have no effect. */
export function trainCommand(): Command<[], TrainOptions> {
  const program = command('npm run train --', 'Trains a network on labelled pictures, exports it and evaluates it.')
  for (const group of [files(), course(), batches(), fromScratch(), start(), losses(), views(), passes()])
    for (const option of group.options) program.addOption(option)
  program.hook('preAction', (_, used) => {
    expectOneKindOfRun(used)
    expectEffect(used)
  })
  return program as Command<[], TrainOptions>
}

function expectOneKindOfRun(program: Command<unknown[], OptionValues>): void {
  const { init, name, arch } = program.opts() as Partial<TrainOptions>
  const strange = program.options.find(
    (option) =>
      option.helpGroupHeading === (init === undefined ? fineTuningHeading : fromScratchHeading) &&
      isGiven(program, option),
  )
  const where = init === undefined ? 'needs --init' : 'is for training from scratch, without --init'
  if (strange !== undefined) program.error(`error: ${strange.long} ${where}`)
  if (init !== undefined && name === undefined) program.error('error: --init needs --name')
  if (init === undefined && arch !== undefined && arch !== scratch.architecture)
    program.error(`error: --arch can only be ${scratch.architecture} without --init`)
}

/** So is one that another option leaves without effect. */
function expectEffect(program: Command<unknown[], OptionValues>): void {
  const { init, loss, teachers, phases, finish, exportOnly, backend, samples, mix } = program.opts() as TrainOptions
  const readsPictures = init === undefined || phases.some(({ trains }) => trains === 'all')
  const needs: [names: string[], isMet: boolean, what: string][] = [
    [['--margin', '--negatives', '--pair-mean'], loss !== 'classes', '--loss pairs or both'],
    [['--teacher-views'], teachers.length > 0, '--teachers'],
    [['--teachers', '--wild', '--micro-batch'], readsPictures, '--phases with all'],
    [['--cache'], phases.some(({ trains }) => trains !== 'all'), '--phases with head or tail'],
    [['--mix'], loss !== 'pairs' || teachers.length > 0, '--loss classes or both, or --teachers'],
    [['--instance', '--feedback'], mix < 1, '--mix below 1'],
    [['--loss'], loss === 'classes' || mix < 1, '--mix below 1'],
    [['--no-report'], !finish && !exportOnly, 'a run without --finish or --export-only'],
    [['--export-only'], !finish, 'a run without --finish'],
    [['--loss'], loss === 'classes' || samples > 1, '--samples 2 or more'],
    [['--compute'], backend !== 'wasm' && backend !== 'cpu', '--backend tensorflow'],
  ]
  for (const [names, isMet, what] of needs) {
    const idle = program.options.find((option) => names.includes(option.long!) && isGiven(program, option))
    if (!isMet && idle !== undefined) program.error(`error: ${idle.long} needs ${what}`)
  }
}

const isGiven = (program: Command<unknown[], OptionValues>, option: Option): boolean =>
  program.getOptionValueSource(option.attributeName()) === 'cli'

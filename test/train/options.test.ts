import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { optionsOf } from '../../src/command-line.js'
import { defaultFineTuneSettings } from '../../src/train/fine-tuning/settings.js'
import { fineTuneSettingsOf } from '../../src/train/fine-tuning/settings-of-options.js'
import { trainCommand } from '../../src/train/options.js'
import { defaultSettings } from '../../src/train/settings.js'
import { settingsOf } from '../../src/train/settings-of-options.js'

const parsed = (...args: string[]) => optionsOf(trainCommand(), args)
const fineTuning = ['--init', 'w', '--data', 'd', '--name', 'n']

const misuses: [args: string[], says: RegExp][] = [
  [[], /required option '--data <folder>' not specified/],
  [['--data', 'x', '--epochs', '0'], /--epochs.+must be a whole number from 1 up/],
  [['--data', 'x', '--arch', 'other'], /--arch can only be simple-cnn without --init/],
  [['--data', 'x', '--name', 'My network'], /--name.+up to 63 characters a-z, 0-9 and -/],
  [['--data', 'x', '--name', '../other'], /--name.+up to 63 characters a-z, 0-9 and -/],
  [['--data', 'x', '--unknown'], /unknown option '--unknown'/],
  [['--dta', 'x', '--name', 'n'], /unknown option '--dta'.+Did you mean --data/s],
  [['--data', 'x', '--phases', 'all:1'], /--phases needs --init/],
  [['--data', 'x', '--teacher-views', '4'], /--teacher-views needs --teachers/],
  [['--init', 'w', '--name', 'n'], /required option '--data <folder>' not specified/],
  [['--init', 'w', '--data', 'd'], /--init needs --name/],
  [[...fineTuning, '--epochs', '3'], /--epochs is for training from scratch/],
  [[...fineTuning, '--phases', 'tail'], /The number of epochs is missing, as in tail:4/],
  [[...fineTuning, '--phases', 'all:1,tail:1'], /All can only be trained at the end/],
  [[...fineTuning, '--phases', 'tail:1@160'], /Only all takes a side/],
  [[...fineTuning, '--phases', 'all:1@20'], /Its side must be a whole number from 32 to 1024/],
  [[...fineTuning, '--phases', 'all:0'], /Its number of epochs must be a whole number from 1 up/],
  [[...fineTuning, '--phases', 'all:1x0'], /Its factor must be a number above 0/],
  [[...fineTuning, '--phases', 'all:1x2@160'], /must be a number above 0/],
  [[...fineTuning, '--pooling', 'max'], /must be one of average, gem/],
  [[...fineTuning, '--margin', '1'], /--margin needs --loss pairs or both/],
  [[...fineTuning, '--teachers', 't', '--phases', 'head:1,tail:1'], /--teachers needs --phases with all/],
  [[...fineTuning, '--compute', 'float32', '--backend', 'wasm'], /--compute needs --backend tensorflow/],
  [[...fineTuning, '--finish', '--no-report'], /--no-report needs a run without --finish/],
  [['--data', 'x', '--export-only', '--no-report'], /--no-report needs a run without --finish or --export-only/],
  [['--data', 'x', '--finish', '--export-only'], /--export-only needs a run without --finish/],
  [['--data', 'x', '--seed', '9007199254740991'], /whole number from 1 to 1073741824/],
  [['--data', 'x', '--teachers', 'a,,b'], /--teachers.+must be folders, separated by commas/],
  [[...fineTuning, '--loss', 'pairs', '--samples', '1'], /--loss needs --samples 2 or more/],
  [[...fineTuning, '--mix', '1.1'], /must be a number from 0 to 1/],
  [[...fineTuning, '--classes', '1'], /--classes.+must be a whole number from 2 up/],
  [[...fineTuning, '--mix', '0.5', '--loss', 'pairs'], /--mix needs --loss classes or both, or --teachers/],
  [[...fineTuning, '--mix', '1', '--instance', '0.5'], /--instance needs --mix below 1/],
  [['--data', 'x', '--mix', '1', '--feedback', 'f'], /--feedback needs --mix below 1/],
  [[...fineTuning, '--mix', '1', '--loss', 'both'], /--loss needs --mix below 1/],
  [[...fineTuning, '--cache', 'c', '--phases', 'all:1'], /--cache needs --phases with head or tail/],
]
for (const [args, says] of misuses)
  test(`training refuses "${args.join(' ')}"`, () => assert.throws(() => parsed(...args), says))

test('without options every setting has its default', () => {
  const { data, ...settings } = settingsOf(parsed('--data', 'd'))
  assert.deepEqual([data, settings], ['d', { ...defaultSettings, labels: undefined, feedback: undefined }])
  const { init, initSha256, architecture, inputSize, name, ...tuning } = fineTuneSettingsOf(parsed(...fineTuning))
  assert.deepEqual([init, initSha256, architecture, inputSize, name], ['w', undefined, undefined, undefined, 'n'])
  assert.deepEqual(
    { feedback: undefined, ...tuning },
    { ...defaultFineTuneSettings, data: 'd', labels: undefined, feedback: undefined },
  )
})

test('a network may be made for pictures of another side', () => {
  assert.equal(fineTuneSettingsOf(parsed(...fineTuning, '--input-size', '192')).inputSize, 192)
})

test('both kinds of run choose the precision of their convolutions', () => {
  assert.equal(settingsOf(parsed('--data', 'd', '--compute', 'float32')).compute, 'float32')
  assert.equal(fineTuneSettingsOf(parsed(...fineTuning, '--compute', 'bfloat16')).compute, 'bfloat16')
})

test('the entry point of the container leaves both kinds of run to its user', async () => {
  const dockerfile = await readFile('docker/train.Dockerfile', 'utf8')
  const entryPoints = [...dockerfile.matchAll(/^ENTRYPOINT (.*)$/gm)].map(([, words]) => JSON.parse(words!) as string[])
  assert.equal(entryPoints.length, 2)
  for (const words of entryPoints) {
    const given = words.slice(words.indexOf('dist/src/train/main.js') + 1)
    assert.equal(settingsOf(parsed(...given, '--data', 'd')).work, '.train/runs')
    assert.equal(fineTuneSettingsOf(parsed(...given, ...fineTuning)).cache, '.train/runs/feature-cache')
  }
})

test('options set what they name and leave the rest', () => {
  const { epochs, batch, preprocessing, learningRate, resume, mixShare, teachers, teacherViews } = settingsOf(
    parsed(
      '--data',
      'd',
      '--epochs',
      '3',
      '--samples',
      '2',
      '--fit',
      'squash',
      '--rate',
      '0.001',
      '--resume',
      '--mix',
      '0.5',
      '--teachers',
      'a,b',
      '--teacher-views',
      '4',
    ),
  )
  assert.deepEqual(
    { epochs, batch, fit: preprocessing.fit, peak: learningRate.peak, resume, mixShare, teachers, teacherViews },
    {
      epochs: 3,
      batch: { classes: 15, samples: 2 },
      fit: 'squash',
      peak: 0.001,
      resume: true,
      mixShare: 0.5,
      teachers: ['a', 'b'],
      teacherViews: 4,
    },
  )
})

test('phases are parsed with their epochs, a side and a learning-rate factor', () => {
  const { phases } = fineTuneSettingsOf(parsed(...fineTuning, '--phases', 'head:1,tail:4,all:1,all:2@160x2.5'))
  assert.deepEqual(
    phases.map(({ trains, epochs, side }) => [trains, epochs, side]),
    [
      ['head', 1, undefined],
      ['tail', 4, undefined],
      ['all', 1, undefined],
      ['all', 2, 160],
    ],
  )
  assert.deepEqual(phases[3]!.rate, { head: phases[2]!.rate.head * 2.5, body: phases[2]!.rate.body * 2.5 })
})

test('a loss that is trained may be named, also if all batches are mixed', () => {
  assert.equal(fineTuneSettingsOf(parsed(...fineTuning, '--mix', '1', '--loss', 'classes')).mixShare, 1)
})

test('pair loss alone detaches the classifier', () => {
  const { contrastive, pairs, detachedClassifier } = fineTuneSettingsOf(
    parsed(...fineTuning, '--loss', 'pairs', '--margin', '1', '--pair-mean', 'each-kind'),
  )
  assert.deepEqual(
    [contrastive.weight, pairs, detachedClassifier],
    [0, { weight: 1, margin: 1, negativeWeight: 4, mean: 'each-kind' }, true],
  )
})

test('exporting without training does not use the test pictures, unless it finishes the run', () => {
  const of = (...args: string[]) => {
    const { exportOnly, report } = fineTuneSettingsOf(parsed(...fineTuning, ...args))
    return [exportOnly, report]
  }
  assert.deepEqual(
    [of('--export-only'), of('--finish'), of('--no-report')],
    [
      [true, false],
      [true, true],
      [false, false],
    ],
  )
})

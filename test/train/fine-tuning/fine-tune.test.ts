/** The whole command from starting weights on drawn pictures: cached maps, both phases, stop and resume, export. */
import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { readModel } from '../../../src/embedding/model-manifest.js'
import { AlikeError } from '../../../src/errors.js'
import { viewSeed } from '../../../src/train/feature-cache/build-features.js'
import { TaughtViews, viewIn } from '../../../src/train/feature-cache/taught-views.js'
import { fineTune } from '../../../src/train/fine-tuning/fine-tune.js'
import { defaultFineTuneSettings, type FineTuneSettings } from '../../../src/train/fine-tuning/settings.js'
import { Teachers } from '../../../src/train/fine-tuning/teachers.js'
import { ImageLoader } from '../../../src/train/loader/image-loader.js'
import { normalised } from '../../../src/train/loader/normalise.js'
import { writeTensors } from '../../../src/train/safetensors.js'
import type { TrainSettings } from '../../../src/train/settings.js'
import { trainFromScratch } from '../../../src/train/train-from-scratch.js'
import { readTrainingData } from '../../../src/train/training-data.js'
import { readTeacher } from '../../../src/train/weights/teacher.js'
import { drawnLabels } from '../../support/drawn-images.js'
import { narrowTorchTensors } from '../../support/narrow-resnet-file.js'
import { tinySettings, writeDrawnImages } from '../../support/tiny-model.js'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alike-fine-tune-'))
  // two batches per epoch, so that a run can be stopped between them
  await writeDrawnImages(join(folder, 'pictures'), { train: 8, val: 4, test: 4 })
  await writeTensors(join(folder, 'narrow.safetensors'), { tensors: narrowTorchTensors(3), metadata: {} })
})
after(() => rm(folder, { recursive: true }))

const settings = (name: string): FineTuneSettings => ({
  ...defaultFineTuneSettings,
  name,
  data: join(folder, 'pictures'),
  init: join(folder, 'narrow.safetensors'),
  out: join(folder, 'onnx'),
  work: join(folder, 'work'),
  cache: join(folder, 'cache'),
  backend: 'wasm',
  phases: [
    { trains: 'head', epochs: 1, rate: { head: 1e-2, body: 0 } },
    { trains: 'tail', epochs: 1, rate: { head: 1e-2, body: 1e-3 } },
    { trains: 'all', epochs: 1, side: 32, rate: { head: 1e-3, body: 1e-3 } },
  ],
  batch: { classes: 4, samples: 4 },
  head: { pooling: 'gem', embeddingDimension: 8, scale: 8, instanceDimension: 0 },
  microBatch: 16,
  report: false,
})
const never = new AbortController().signal

test('a run goes through its phases to a network folder; stopped in the cache and in a phase, it resumes to the same network', async () => {
  const whole = await fineTune(settings('whole'), () => {}, never)
  assert.deepEqual(
    whole.state.history.map(({ phase, side }) => [phase, side]),
    [
      ['head', 224],
      ['tail', 224],
      ['all', 32],
    ],
  )
  assert.ok(!(await readdir(whole.folder!)).includes('metrics.json'), 'the test pictures were read')
  const { manifest } = await readModel(whole.folder!)
  assert.deepEqual([manifest.architecture, manifest.labels], ['resnet50', [...drawnLabels].sort()])
  assert.match(String(manifest.provenance['startedFrom']), /torchvision's ResNet-50.*narrow\.safetensors/)

  await rm(join(folder, 'cache'), { recursive: true })
  const inCache = new AbortController()
  inCache.abort()
  const first = await fineTune(settings('parts'), () => {}, inCache.signal)
  assert.equal(first.folder, undefined)
  const inPhase = new AbortController()
  const lines: string[] = []
  const second = await fineTune(
    { ...settings('parts'), resume: true },
    (line) => lines.push(line) && line.startsWith('epoch 2/') && inPhase.abort(),
    inPhase.signal,
  )
  assert.equal(second.state.epoch, 2)
  const [anew, view] = ['no checkpoint in', '  view 0 of val:'].map((start) =>
    lines.findIndex((line) => line.startsWith(start)),
  )
  assert.ok(anew! >= 0 && anew! < view!, 'it says at once that it starts anew')
  // what remains to be trained reads pictures: the maps are not built again
  await rm(join(folder, 'cache'), { recursive: true })
  const third = await fineTune({ ...settings('parts'), resume: true }, () => {}, never)
  await assert.rejects(readdir(join(folder, 'cache')), { code: 'ENOENT' })
  assert.deepEqual(
    third.state.history.map(({ val, loss }) => [val, loss]),
    whole.state.history.map(({ val, loss }) => [val, loss]),
  )
})

test('a run stopped after the last batch of an epoch knows its loss when it is resumed', async () => {
  const headOnly: FineTuneSettings = {
    ...settings('last'),
    phases: [{ trains: 'head', epochs: 2, rate: { head: 1e-2, body: 0 } }],
    batch: { classes: 4, samples: 8 },
  }
  const stop = new AbortController()
  const stopped = await fineTune(headOnly, (line) => line.startsWith('epoch 1/') && stop.abort(), stop.signal)
  assert.deepEqual([stopped.state.epoch, stopped.state.batch], [1, 1])
  const { state } = await fineTune({ ...headOnly, resume: true }, () => {}, never)
  assert.equal(state.history[1]!.loss, stopped.state.part!.lossSum)

  // begun anew and stopped at once, it has no weights to export
  stop.abort()
  await fineTune({ ...headOnly, force: true }, () => {}, stop.signal)
  await assert.rejects(
    fineTune({ ...headOnly, exportOnly: true }, () => {}, never),
    { code: 'run_not_found' },
  )
})

test('a run stopped after its last epoch exports the best one', async () => {
  const worsening: FineTuneSettings = {
    ...settings('late'),
    averageDecay: 0.1,
    phases: [{ trains: 'head', epochs: 3, rate: { head: 1, body: 0 } }],
  }
  const stop = new AbortController()
  const stopped = await fineTune(worsening, (line) => line.startsWith('epoch 3/') && stop.abort(), stop.signal)
  assert.ok(stopped.state.best!.epoch < 2, 'the last epoch is the best')
  const { id } = (await readModel(stopped.folder!)).manifest
  const lines: string[] = []
  const later = await fineTune({ ...worsening, exportOnly: true }, (line) => lines.push(line), never)
  const { manifest } = await readModel(later.folder!)
  assert.equal(manifest.id, id)
  assert.deepEqual([manifest.provenance['epochs'], later.state.history.length], [3, 3], 'also those after the best one')
  assert.ok(lines.includes(`weights of epoch ${stopped.state.best!.epoch + 1}, the best of 3`))
})

test('a run that diverges ends, and keeps the weights from before', async () => {
  const gentle: FineTuneSettings = {
    ...settings('diverging'),
    phases: [{ trains: 'head', epochs: 1, rate: { head: 1e-2, body: 0 } }],
  }
  const { state } = await fineTune(gentle, () => {}, never)
  const wild = { trains: 'all' as const, epochs: 2, side: 32, rate: { head: 1e30, body: 1e30 } }
  await assert.rejects(
    fineTune({ ...gentle, phases: [...gentle.phases, wild], resume: true }, () => {}, never),
    { code: 'training_diverged', message: /The loss is NaN in all epoch 2\/3 batch \d\/\d; --finish/ },
  )
  const kept = await fineTune({ ...gentle, exportOnly: true }, () => {}, never)
  assert.deepEqual(kept.state.best, state.best)
})

test('a run with mixing, wild pictures and an instance part learns from a finished network; ended early, its best weights are exported', async () => {
  const teacher = join(folder, 'onnx', 'whole')
  const taught: FineTuneSettings = {
    ...settings('pupil'),
    phases: [{ trains: 'all', epochs: 2, side: 32, rate: { head: 1e-3, body: 1e-3 } }],
    head: { pooling: 'average', embeddingDimension: 8, scale: 8, instanceDimension: 4 },
    teachers: [teacher],
    mixShare: 0.5,
    wildShare: 0.5,
    judgeEvery: 2,
  }
  const lines: string[] = []
  const { state, folder: made } = await fineTune(taught, (line) => lines.push(line), never)
  assert.ok(lines.includes(`taught by ${teacher} (ONNX Runtime in float32)`))
  assert.deepEqual(
    state.history.map(({ val }) => val === null),
    [true, false],
  )
  assert.equal((await readModel(made!)).manifest.provenance['backend'], 'wasm')
  const ended = await fineTune({ ...taught, exportOnly: true }, () => {}, never)
  assert.deepEqual(ended.state.best, state.best)
  assert.equal(
    (await readModel(ended.folder!)).manifest.embeddingDimension,
    (await readModel(made!)).manifest.embeddingDimension,
  )
  await assert.rejects(
    fineTune({ ...taught, name: 'untaught', teachers: [teacher, join(folder, 'onnx')] }, () => {}, never),
    { code: 'model_unreadable', message: /The teacher \S+\/onnx: \S+\/onnx has no manifest\.json/ },
  )

  // its teacher may move, but not be replaced by another; for an export it need not be there
  const moved = join(folder, 'moved')
  await cp(teacher, moved, { recursive: true })
  const resumed = await fineTune({ ...taught, teachers: [moved], resume: true }, () => {}, never)
  assert.deepEqual(resumed.state.history, state.history)
  await fineTune({ ...taught, teachers: [join(folder, 'gone')], exportOnly: true }, () => {}, never)
  await rm(moved, { recursive: true })
  await cp(made!, moved, { recursive: true })
  await assert.rejects(
    fineTune({ ...taught, teachers: [moved], resume: true }, () => {}, never),
    { code: 'run_differs', message: /The run had the teachers [0-9a-f]{16}: resume it with the same/ },
  )
})

test('a network trained from scratch can have a teacher too, which sees larger squares; without teacher and mixing the result differs', async () => {
  const alone = { ...tinySettings(folder), epochs: 1, report: false, force: true }
  const taught = { ...alone, mixShare: 0.5, teachers: [join(folder, 'onnx', 'whole')] }
  const [first, again, untaught] = [
    await trainFromScratch(taught, () => {}, never),
    await trainFromScratch(taught, () => {}, never),
    await trainFromScratch(alone, () => {}, never),
  ].map(({ state }) => state.history[0]!)
  assert.ok(Number.isFinite(first!.loss))
  assert.equal(again!.loss, first!.loss)
  assert.notEqual(untaught!.loss, first!.loss)

  const lines: string[] = []
  const refused: [Partial<TrainSettings>, { code: string; message: RegExp }][] = [
    [
      { preprocessing: { ...taught.preprocessing, fit: 'squash' } },
      { code: 'weights_unreadable', message: /with the fit cover/ },
    ],
    [
      { teachers: ['onnx/har-lite0'] },
      {
        code: 'weights_unreadable',
        message: /it lacks circle, .+ and 1 more, and these pictures have no calling, .+ and 12 more\./,
      },
    ],
    [{ teachers: [join(folder, 'onnx', 'tiny')] }, { code: 'weights_unreadable', message: /architecture simple-cnn/ }],
  ]
  for (const [settings, error] of refused)
    await assert.rejects(
      trainFromScratch({ ...taught, ...settings }, (line) => lines.push(line), never),
      error,
    )
  assert.ok(!lines.some((line) => line.startsWith('reading each')), 'before every picture is read')
})

test('teachers asked once about a few views give a run that can be stopped and resumed, while they are asked too', async () => {
  const taught = {
    ...{ ...tinySettings(folder), name: 'views', epochs: 3, report: false },
    ...{ mixShare: 0.5, teachers: [join(folder, 'onnx', 'whole')], teacherViews: 2 },
  }
  const lines: string[] = []
  const stop = new AbortController()
  const asking = (line: string) => line.startsWith('  view 2 of train:') && stop.abort()
  const stopped = await trainFromScratch(taught, asking, stop.signal)
  assert.deepEqual([stopped.folder, stopped.state.epoch, stopped.state.batch], [undefined, 0, 0])
  const resumed = await trainFromScratch({ ...taught, resume: true }, (line) => lines.push(line), never)
  assert.ok(!lines.some((line) => line.startsWith('  view 1 of train:')), 'the first view was kept')
  const others = { ...taught, teachers: taught.teachers.concat(taught.teachers), resume: true }
  await assert.rejects(
    trainFromScratch(others, () => {}, never),
    { code: 'run_differs' },
  )
  const whole = await trainFromScratch({ ...taught, name: 'whole-views' }, () => {}, never)
  const losses = ({ state }: typeof whole) => state.history.map(({ loss }) => loss)
  assert.deepEqual(losses(resumed), losses(whole))
  const anew = await trainFromScratch({ ...taught, name: 'anew', teacherViews: 0 }, () => {}, never)
  assert.notDeepEqual(losses(anew), losses(whole))

  const epochs = taught.epochs + 1
  const longer = { ...taught, name: 'whole-views', epochs, teacherViews: 0, resume: true }
  const later = losses(await trainFromScratch(longer, () => {}, never))
  assert.deepEqual([later.length, later.slice(0, -1)], [epochs, losses(whole)])
})

test('what was asked once about a view is what teachers say about it, and about two mixed pictures the mixture', async (t) => {
  const teacher = join(folder, 'onnx', 'whole')
  const taught = { ...tinySettings(folder), name: 'asked', teachers: [teacher, teacher], teacherViews: 2 }
  const data = await readTrainingData(taught)
  const pupil = await readTeacher(await readModel(teacher))
  const teachers = await Teachers.read(taught.teachers, pupil, 6)
  const loader = new ImageLoader(data.images)
  t.after(() => loader.close())
  const views = (await TaughtViews.build({ settings: taught, data, teachers, loader, log() {}, stop: never }))!
  t.after(() => views.close())

  const view = viewIn(taught, 1)!
  assert.deepEqual([view.index, viewIn(taught, 3)!.index], [2, 2])
  const members = [5, 0, 20, 11]
  const images = members.map((member) => data.train[member]!)
  const preprocessing = { ...taught.preprocessing, inputSize: teachers.side }
  const seeds = members.map((member) => viewSeed(view, member))
  const pixels = await loader.load({ images, preprocessing, augmentation: { ...view.augmentation, seeds } })
  const live = await teachers.teach(normalised(pixels, teachers.side, preprocessing))
  const stored = await views.teach(members, view.index, null)
  near(stored.posterior, live.posterior)
  near(stored.similarity, live.similarity)

  const mix = { partners: [1, 0, 3, 2], share: 0.7 }
  const blended = await views.teach(members, view.index, mix)
  const others = tf.gather(stored.posterior, mix.partners)
  near(blended.posterior, tf.add(tf.mul(stored.posterior, 0.7), tf.mul(others, 0.3)))
  const [first, second] = blended.similarity.arraySync() as number[][]
  assert.ok(Math.abs(first![0]! - 1) < 1e-3, 'a mixed row has unit length')
  const cosine = stored.similarity.arraySync()[0]![1]!
  // (0.7 a + 0.3 b) · (0.3 a + 0.7 b), divided by both lengths
  assert.ok(Math.abs(first![1]! - (0.42 + 0.58 * cosine) / (0.58 + 0.42 * cosine)) < 2e-3)
  assert.equal(second![0], first![1])
})

test('with an input size, a network is trained and served at it, without a margin around its square', async () => {
  const { phases, ...rest } = settings('smaller')
  const smaller = {
    ...rest,
    inputSize: 64,
    phases: [phases[0]!, { trains: 'all', epochs: 1, rate: { head: 1e-3, body: 1e-3 } }],
  } satisfies FineTuneSettings
  const { folder: exported, state } = await fineTune(smaller, () => {}, never)
  assert.deepEqual(
    state.history.map(({ phase, side }) => [phase, side]),
    [
      ['head', 64],
      ['all', 64],
    ],
  )
  const { preprocessing } = (await readModel(exported!)).manifest
  assert.deepEqual([preprocessing.inputSize, preprocessing.resizeShortSide], [64, 64])
  await assert.rejects(
    fineTune({ ...smaller, inputSize: 96, resume: true }, () => {}, never),
    { code: 'run_differs', message: /inputSize \(was 64, is 96\)/ },
  )
})

/** Stored in half precision. */
function near(one: tf.Tensor, other: tf.Tensor): void {
  assert.deepEqual(one.shape, other.shape)
  const [left, right] = [one.dataSync(), other.dataSync()]
  assert.ok(left.every((value, at) => Math.abs(value - right[at]!) < 2e-3))
}

test('weights of another architecture, a precision that the backend lacks, and a checkpoint of other settings or phases are refused', async () => {
  await assert.rejects(
    fineTune({ ...settings('other'), compute: 'bfloat16' }, () => {}, never),
    { code: 'backend_unavailable', message: /wasm has no bfloat16/ },
  )
  await assert.rejects(
    fineTune({ ...settings('other'), architecture: 'efficientnet-lite0' }, () => {}, never),
    (error: unknown) =>
      error instanceof AlikeError &&
      error.message.includes('narrow.safetensors is for resnet50, not for efficientnet-lite0'),
  )
  await assert.rejects(
    fineTune({ ...settings('whole'), resume: true, seed: 2 }, () => {}, never),
    { code: 'run_differs', message: /seed \(was 1, is 2\)/ },
  )
  const { phases } = settings('whole')
  await assert.rejects(
    fineTune({ ...settings('whole'), resume: true, phases: phases.slice(1) }, () => {}, never),
    { code: 'run_differs', message: /Its epoch 1 trained head on pictures of side 224, and --phases does not/ },
  )
})

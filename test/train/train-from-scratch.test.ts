/** The whole command on pictures drawn here: from data to a model folder, and a run that is stopped and resumed. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { readModel } from '../../src/embedding/model-manifest.js'
import { AlikeError } from '../../src/errors.js'
import type { TrainSettings } from '../../src/train/settings.js'
import { trainFromScratch } from '../../src/train/train-from-scratch.js'
import { drawnLabels } from '../support/drawn-images.js'
import { tinySettings, writeDrawnImages } from '../support/tiny-model.js'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alike-train-'))
  await writeDrawnImages(join(folder, 'pictures'))
})
after(() => rm(folder, { recursive: true }))

const never = new AbortController().signal

test('a run yields a network that knows the shapes; stopped midway and resumed it yields the same one bit for bit', async () => {
  const lines: string[] = []
  const whole = await trainFromScratch({ ...tinySettings(folder), name: 'whole' }, (line) => lines.push(line), never)
  assert.deepEqual((await readdir(whole.folder!)).sort(), [
    'golden',
    'manifest.json',
    'metrics.json',
    'model-card.md',
    'model.onnx',
    'plots',
    'split.json',
  ])
  const { manifest } = await readModel(whole.folder!)
  assert.deepEqual(manifest.labels, [...drawnLabels].sort())
  const { classification } = whole.metrics!
  assert.ok('accuracy' in classification && classification.accuracy > 0.8, JSON.stringify(classification))
  assert.equal(lines[0], 'backend wasm, convolutions in float32')
  assert.match(lines.find((line) => line.startsWith('epoch 1/'))!, / left with the export$/)

  const stop = new AbortController()
  const said: string[] = []
  const stopped = await trainFromScratch(
    { ...tinySettings(folder), name: 'parts', resume: true },
    (line) => said.push(line) && line.startsWith('epoch 2/') && stop.abort(),
    stop.signal,
  )
  assert.ok(said.includes(`no checkpoint in ${join(folder, 'work/parts')}: the run starts with its first epoch`))
  assert.equal(stopped.folder, undefined)
  assert.deepEqual([stopped.state.epoch, stopped.state.batch], [2, 1], 'after the batch in progress')
  const resumed = await trainFromScratch({ ...tinySettings(folder), name: 'parts', resume: true }, () => {}, never)
  const parts = await readModel(resumed.folder!)
  assert.equal(parts.manifest.files.fp32.bytes, manifest.files.fp32.bytes + 'parts'.length - 'whole'.length)
  assert.deepEqual(resumed.metrics!.protocols.A, whole.metrics!.protocols.A)
  assert.deepEqual(
    resumed.state.history.map(({ val, loss }) => [val, loss]),
    whole.state.history.map(({ val, loss }) => [val, loss]),
  )

  // a finished run may go on for longer, at the learning rates of the longer run, but not for fewer epochs than it had
  const { epochs } = tinySettings(folder)
  const further = { ...tinySettings(folder), name: 'parts', resume: true, force: true, report: false }
  const longer = await trainFromScratch({ ...further, epochs: epochs + 1 }, () => {}, never)
  assert.deepEqual(longer.state.history.slice(0, epochs), resumed.state.history)
  assert.equal(longer.state.history.length, epochs + 1)
  await assert.rejects(
    trainFromScratch({ ...further, epochs }, () => {}, never),
    { code: 'run_differs', message: /with --epochs \d+ or more/ },
  )

  // the same number of pictures, but one that was trained on would now be tested with
  const moved = ['train', 'test'].map((split) => join(folder, 'pictures', split, 'circle', '15.jpg')) as [
    string,
    string,
  ]
  await rename(...moved)
  try {
    await assert.rejects(
      trainFromScratch({ ...further, epochs: epochs + 1 }, () => {}, never),
      { code: 'run_differs', message: /These differ: the data \(pictures/ },
    )
  } finally {
    await rename(moved[1], moved[0])
  }
})

/** A run with one batch in each epoch. */
const oneBatch = (): TrainSettings => ({
  ...tinySettings(folder),
  name: 'last',
  epochs: 2,
  batch: { classes: 4, samples: 20 },
  report: false,
})

test('a run stopped after the last batch of an epoch knows its loss and its time when it is resumed', async () => {
  const settings = oneBatch()
  const stop = new AbortController()
  const stopped = await trainFromScratch(settings, (line) => line.startsWith('epoch 1/') && stop.abort(), stop.signal)
  assert.deepEqual([stopped.state.epoch, stopped.state.batch, stopped.state.part?.batches], [1, 1, 1])
  const { state } = await trainFromScratch({ ...settings, resume: true }, () => {}, never)
  assert.equal(state.history[1]!.loss, stopped.state.part!.lossSum)
  assert.ok(state.history[1]!.seconds > stopped.state.part!.seconds)
  assert.equal(state.part, undefined)

  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  const elsewhere = await trainFromScratch({ ...settings, backend: 'cpu', exportOnly: true }, log, never)
  assert.ok(lines.includes(`weights of epoch ${state.best!.epoch + 1}, the best of 2`))
  assert.equal((await readModel(elsewhere.folder!)).manifest.provenance['backend'], 'wasm', 'what trained it')
})

test('a run that overwrites another and fails at once leaves nothing of it to resume or to export', async () => {
  const settings = oneBatch()
  assert.ok(
    (await readdir(join(settings.work, settings.name))).includes('checkpoint.safetensors'),
    'of the test before',
  )
  const [picture, aside] = [join(folder, 'pictures/train/circle/0.jpg'), join(folder, '0.jpg')]
  await rename(picture, aside)
  await writeFile(picture, 'no picture')
  try {
    await assert.rejects(
      trainFromScratch({ ...settings, force: true }, () => {}, never),
      { code: 'dataset_unusable' },
    )
  } finally {
    await rename(aside, picture)
  }
  await assert.rejects(
    trainFromScratch({ ...settings, exportOnly: true }, () => {}, never),
    { code: 'run_not_found', message: /best\.safetensors does not exist/ },
  )
})

test('of two runs with one name at the same time one ends, and the other has its own weights', async () => {
  const settings = { ...tinySettings(folder), name: 'twins', epochs: 2, report: false }
  const alone = await trainFromScratch({ ...settings, name: 'alone' }, () => {}, never)
  let second: Promise<unknown> = Promise.resolve()
  const first = trainFromScratch(
    settings,
    (line) => {
      // the second one starts before the first has a checkpoint by which it would be refused
      if (!line.startsWith('reading')) return
      second = trainFromScratch({ ...settings, seed: 2, epochs: 3 }, () => {}, never)
      second.catch(() => {}) // looked at below
    },
    never,
  )
  const [one] = await Promise.allSettled([first])
  const [other] = await Promise.allSettled([second])
  const [lost, ...more] = [one, other].filter((outcome) => outcome.status === 'rejected')
  // noticed at a checkpoint, or, by one that began its own when the other had made its last, at the export
  await assert.rejects(() => Promise.reject(lost?.reason), {
    code: 'run_exists',
    message: /Another process trains the run|Another run has written/,
  })
  assert.deepEqual(more, [])
  if (one.status === 'fulfilled') assert.deepEqual(one.value.state.best, alone.state.best)
})

test('a network that another run writes while this one begins is kept', async () => {
  const settings = { ...tinySettings(folder), name: 'overtaken', epochs: 1, report: false }
  const manifest = join(settings.out, settings.name, 'manifest.json')
  const written = '{"id":"of another run"}'
  const log = (line: string) => {
    if (!line.startsWith('backend')) return
    mkdirSync(dirname(manifest), { recursive: true })
    writeFileSync(manifest, written)
  }
  await assert.rejects(trainFromScratch(settings, log, never), {
    code: 'run_exists',
    message: /Another run has written/,
  })
  assert.equal(await readFile(manifest, 'utf8'), written)
})

test('unreadable pictures, also those that are only tested with, are named before the first epoch', async () => {
  const ids = ['test/circle/broken.jpg', 'train/circle/broken.jpg']
  const settings = { ...tinySettings(folder), name: 'broken' }
  const lines: string[] = []
  for (const id of ids) await writeFile(join(folder, 'pictures', id), 'no picture')
  try {
    await assert.rejects(
      trainFromScratch(settings, (line) => lines.push(line), never),
      (error: unknown) =>
        error instanceof AlikeError &&
        error.code === 'dataset_unusable' &&
        error.message.endsWith(`2 pictures cannot be read: "${ids[0]}", "${ids[1]}".`),
    )
    assert.ok(!lines.some((line) => line.startsWith('epoch 1/')))
  } finally {
    for (const id of ids) await rm(join(folder, 'pictures', id))
  }
})

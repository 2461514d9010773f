/** A head on the vectors of an imported network: from its file to a network folder. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readModel } from '../../../src/embedding/model-manifest.js'
import { evaluateRetrieval } from '../../../src/eval/quality.js'
import { fineTune } from '../../../src/train/fine-tuning/fine-tune.js'
import { defaultFineTuneSettings, type FineTuneSettings } from '../../../src/train/fine-tuning/settings.js'
import { importNetwork } from '../../../src/train/onnx/foreign/import-network.js'
import { GraphBuilder, type Value } from '../../../src/train/onnx/graph-builder.js'
import { encodeModel } from '../../../src/train/onnx/onnx-proto.js'
import { openOnnx } from '../../../src/train/onnx/onnx-session.js'
import { addPrecisions } from '../../../src/train/onnx/precisions/add-precisions.js'
import { embedExported } from '../../../src/train/report/embed-exported.js'
import { readTrainingData } from '../../../src/train/training-data.js'
import { drawnLabels } from '../../support/drawn-images.js'
import { writeDrawnImages } from '../../support/tiny-model.js'

const side = 32
/** Length of a vector: the colours of 8 × 8 places. */
const dimension = 8 * 8 * 3

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alike-imported-'))
  await writeDrawnImages(join(folder, 'pictures'), { train: 20, val: 8, test: 4 })
  await imported('encoder', 17)
})
after(() => rm(folder, { recursive: true }))

/** Convolutions that return what they are given: max(x, 0) − max(−x, 0). The first is never computed in 8 bits. */
function convolved(builder: GraphBuilder, planes: Value): Value {
  const signs = Float32Array.from({ length: 6 * 3 }, (_, i) => (i % 3 === Math.floor(i / 3) % 3 ? (i < 9 ? 1 : -1) : 0))
  const back = Float32Array.from({ length: 3 * 6 }, (_, i) => signs[(i % 6) * 3 + Math.floor(i / 6)]!)
  const both = builder.add('Conv', 'both', [planes, builder.floats('signs', signs, [6, 3, 1, 1])])
  const parts = builder.add('Relu', 'parts', [both])
  const same = Float32Array.from({ length: 6 * 6 }, (_, i) => Number(i % 7 === 0))
  const kept = builder.add('Conv', 'kept', [parts, builder.floats('same', same, [6, 6, 1, 1])])
  return builder.add('Conv', 'joined', [kept, builder.floats('back', back, [3, 6, 1, 1])])
}

/** Its values have the names that the head uses too. */
async function imported(name: string, opset: number): Promise<string> {
  const builder = new GraphBuilder()
  const planes = builder.input('pixels', 'float32', ['N', 3, side, side])
  const window = { kernel_shape: [4, 4], strides: [4, 4] }
  const pooled = builder.add('AveragePool', 'vectors', [convolved(builder, planes)], window)
  const value = builder.add('Flatten', 'embed', [pooled], { axis: 1 })
  const model = builder.build('foreign', [{ name: 'logits', value, shape: ['N', dimension] }])
  const file = join(folder, `${name}.onnx`)
  await writeFile(file, encodeModel({ ...model, opsetImport: [{ domain: '', version: opset }] }))
  const given = { inputSize: undefined, resizeShortSide: undefined, fit: 'squash', kernel: 'linear' } as const
  const preprocessing = { ...given, mean: [120, 120, 120], std: [60, 60, 60] }
  const options = { file, name, out: join(folder, 'onnx'), preprocessing, output: undefined, pooling: undefined }
  return (await importNetwork({ ...options, now: new Date(0) })).folder
}

const settings = (name: string, init = 'encoder'): FineTuneSettings => ({
  ...defaultFineTuneSettings,
  name,
  data: join(folder, 'pictures'),
  init: join(folder, 'onnx', init),
  out: join(folder, 'onnx'),
  work: join(folder, 'work'),
  cache: join(folder, 'cache'),
  backend: 'wasm',
  phases: [{ trains: 'head', epochs: 4, rate: { head: 1e-2, body: 0 } }],
  batch: { classes: 4, samples: 4 },
  head: { pooling: 'average', embeddingDimension: 16, scale: 8, instanceDimension: 8 },
  averageDecay: 0.8,
  report: false,
})
const never = new AbortController().signal
const run = (given: FineTuneSettings, stop = never) => fineTune(given, () => {}, stop)

/** mAP@10 of val pictures with the exported file. */
async function mAP10Of(network: string): Promise<number> {
  const model = await readModel(join(folder, 'onnx', network))
  const { images } = await readTrainingData(settings('any'))
  const val = images.filter(({ split }) => split === 'val')
  const session = await openOnnx(join(model.folder, 'model.onnx'))
  const rows = await embedExported(model, session, val).finally(() => session.close())
  return evaluateRetrieval(rows, rows, { bootstrapSamples: 0 }).overall['mAP@10']!
}

test('a trained head ranks better than the imported network alone, and is one file with it', async () => {
  const before = await readFile(join(folder, 'onnx/encoder/model.onnx'))
  const ended = await run({ ...settings('adapted'), report: true })
  const { manifest } = await readModel(ended.folder!)
  assert.deepEqual([manifest.architecture, manifest.labels], ['imported', [...drawnLabels].sort()])
  assert.match(
    String(manifest.provenance['startedFrom']),
    /^imported network encoder, model [0-9a-f]{16}, from encoder\.onnx, file /,
  )
  assert.deepEqual(manifest.provenance['phasesTrained'], ['head'])
  assert.ok((manifest.provenance['exportParity'] as { minCosine: number }).minCosine > 0.9999)
  assert.ok(manifest.calibration !== undefined)
  for (const file of ['golden', 'metrics.json', 'model-card.md', 'split.json'])
    assert.ok((await readdir(ended.folder!)).includes(file), file)
  assert.ok('canQuantize' in ended && ended.canQuantize)
  assert.deepEqual(await readFile(join(folder, 'onnx/encoder/model.onnx')), before)

  const [alone, withHead] = [await mAP10Of('encoder'), await mAP10Of('adapted')]
  assert.ok(withHead > alone + 0.05, `${withHead} after ${alone}`)
  await assert.rejects(run(settings('again', 'adapted')), { message: /already has a head/ })
  const { images } = await readTrainingData(settings('any'))
  await addPrecisions({ folder: ended.folder!, precisions: ['int8', 'fp16'], images, minSpeedup: 0.01 })
  const { files, id } = (await readModel(ended.folder!)).manifest
  assert.deepEqual([Object.keys(files).sort(), id], [['fp16', 'fp32', 'int8'], manifest.id])
  assert.match(await readFile(join(ended.folder!, 'model-card.md'), 'utf8'), /## Smaller precisions[\s\S]*\| int8 \|/)
})

test('the vectors are computed once; a run that was stopped resumes as if it had not been', async () => {
  const whole = await run({ ...settings('whole'), mixShare: 0.5 })
  const stop = new AbortController()
  const parts = { ...settings('parts'), mixShare: 0.5 }
  const first = await fineTune(parts, (line) => line.startsWith('epoch 2/') && stop.abort(), stop.signal)
  assert.deepEqual([first.state.epoch, first.folder], [2, undefined])
  const lines: string[] = []
  const second = await fineTune({ ...parts, resume: true }, (line) => lines.push(line), never)
  assert.ok(!lines.some((line) => line.includes(' of train: ')), lines.join('\n'))
  assert.deepEqual(
    second.state.history.map(({ val, loss }) => [val, loss]),
    whole.state.history.map(({ val, loss }) => [val, loss]),
  )
})

for (const opset of [11, 12, 18, 21])
  test(`a head means the same in the opset of the imported network: ${opset}`, async () => {
    await imported(`opset-${opset}`, opset)
    const { folder: made } = await run(settings(`head-${opset}`, `opset-${opset}`))
    const parity = (await readModel(made!)).manifest.provenance['exportParity'] as { minCosine: number }
    assert.ok(parity.minCosine > 0.9999)
  })

const phase = { epochs: 1, rate: { head: 1e-3, body: 1e-4 } }
for (const [what, changed, says] of [
  [
    'its layers',
    {
      phases: [
        { trains: 'head', ...phase },
        { trains: 'all', ...phase },
      ],
    },
    /only a head .* --phases head/,
  ],
  ['another size', { inputSize: 64 }, /pictures of 32 × 32 pixels: leave out --input-size/],
  ['pooling', { head: { ...settings('any').head, pooling: 'gem' } }, /leave out --pooling/],
  ['another architecture', { architecture: 'resnet50' }, /is for imported, not for resnet50/],
] satisfies [string, Partial<FineTuneSettings>, RegExp][])
  test(`what an imported network cannot do is refused before anything is computed: ${what}`, async () => {
    await assert.rejects(run({ ...settings('refused'), ...changed }), { code: 'weights_unreadable', message: says })
  })

import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as tfl from '@tensorflow/tfjs-layers'
import sharp from 'sharp'
import type { SplitImage } from '../../../src/datasets/split.js'
import { seededRandom } from '../../../src/eval/random.js'
import { judgedEdits } from '../../../src/train/edited-copies.js'
import { exportModel } from '../../../src/train/onnx/export.js'
import { modelCard } from '../../../src/train/report/model-card.js'
import type { EvaluateOptions, ModelMetrics } from '../../../src/train/report/model-metrics.js'
import { isPublishedData } from '../../../src/train/report/published-baseline.js'
import { writeReport } from '../../../src/train/report/write-report.js'
import { randomImages, randomNetwork } from '../onnx/random-network.js'

const parent = await mkdtemp(join(tmpdir(), 'alike-report-'))
after(() => rm(parent, { recursive: true, force: true }))

const random = seededRandom(2)

/** A single-colour picture with some noise; a random network separates the classes by colour alone. */
async function image(id: string, label: string, split: SplitImage['split'], group = id): Promise<SplitImage> {
  const base = { a: [220, 30, 30], b: [30, 220, 30], c: [30, 30, 220], unseen: [200, 200, 30] }[label]!
  const pixels = Buffer.from(Array.from({ length: 30 * 30 * 3 }, (_, i) => base[i % 3]! + Math.floor(random() * 30)))
  const png = await sharp(pixels, { raw: { width: 30, height: 30, channels: 3 } })
    .png()
    .toBuffer()
  const bytes = new Uint8Array(new SharedArrayBuffer(png.length))
  bytes.set(png)
  return { id, label, split, group, source: { bytes } }
}

const images: SplitImage[] = []
for (const label of ['a', 'b', 'c']) {
  for (let i = 0; i < 6; i++) images.push(await image(`${label}-${i}`, label, i < 2 ? 'train' : i < 3 ? 'val' : 'test'))
}
images.push(await image('a-3-copy', 'a', 'test', 'a-3'))

const training: EvaluateOptions['training'] = {
  startedFrom: 'random weights',
  backend: 'cpu',
  seed: 4,
  epochs: 3,
  chosenEpoch: 2,
  seconds: 61,
  settings: { rate: 1 },
  history: [],
}

async function report(
  data: SplitImage[],
  name: string,
): Promise<{ folder: string; metrics: ModelMetrics; card: string }> {
  const folder = join(parent, name)
  const network = await randomNetwork(
    (input) => tfl.layers.conv2d({ filters: 8, kernelSize: 3, strides: 2 }).apply(input) as tfl.SymbolicTensor,
  )
  await exportModel(network, { folder, parityImages: randomImages(), provenance: {}, now: new Date(0) })
  const metrics = await writeReport({
    folder,
    images: data,
    data: { name: 'coloured squares', licence: 'CC0' },
    training,
    now: new Date(0),
  })
  return { folder, metrics, card: await readFile(join(folder, 'model-card.md'), 'utf8') }
}

test('the report holds every protocol, and the card repeats its numbers', async () => {
  const { folder, metrics, card } = await report(images, 'seen')
  assert.deepEqual((await readdir(folder)).sort(), [
    'golden',
    'manifest.json',
    'metrics.json',
    'model-card.md',
    'model.onnx',
    'plots',
  ])
  assert.deepEqual(
    JSON.parse(await readFile(join(folder, 'metrics.json'), 'utf8')),
    JSON.parse(JSON.stringify(metrics)),
  )

  const { A, B, C } = metrics.protocols
  assert.ok('overall' in A && 'overall' in B)
  assert.ok('notMeasured' in C && /held out/.test(C.notMeasured))
  assert.deepEqual([A.queries, B.queries], [10, 10])
  assert.equal(A.overall['mAP@1'], 1)
  assert.ok(card.includes(`| mAP@10 | ${A.overall['mAP@10']!.toFixed(3)} (`))
  assert.ok(
    'accuracy' in metrics.classification && card.includes(`Accuracy ${metrics.classification.accuracy.toFixed(3)}`),
  )
  assert.ok('rocAuc' in metrics.pairs && card.includes(`ROC-AUC ${metrics.pairs.rocAuc.toFixed(3)}`))
  for (const text of [
    'coloured squares',
    'CC0',
    metrics.data.sha256,
    metrics.model.id,
    'random weights',
    'agree on 16 pictures, smallest cosine 1.0000000',
    '3 epochs in 61 s on cpu, seed 4; epoch 2',
  ]) {
    assert.ok(card.includes(text), text)
  }
  // no action photos: no published numbers to compare with
  assert.equal(metrics.published, null)
  assert.ok(!card.includes('published'))
})

test('data are counted with their copies and identified by a hash of labels and contents', async () => {
  const { metrics } = await report(images, 'counted')
  assert.deepEqual(metrics.data.splits.test, {
    pictures: 10,
    perClass: { a: 4, b: 3, c: 3 },
    withCopies: 2,
    duplicateGroups: 1,
  })
  assert.equal(metrics.data.groupsAcrossSplits, 0)
  const again = await report([...images].reverse(), 'reversed')
  assert.equal(again.metrics.data.sha256, metrics.data.sha256)
  const relabelled = images.map((item) => (item.id === 'c-0' ? { ...item, label: 'b' } : item))
  assert.notEqual((await report(relabelled, 'relabelled')).metrics.data.sha256, metrics.data.sha256)
})

test('untrained classes are used for protocol C only', async () => {
  const unseen = await Promise.all(['x', 'y', 'z'].map((id) => image(id, 'unseen', 'test')))
  const { metrics, card } = await report([...images, ...unseen], 'unseen')
  const { A, C } = metrics.protocols
  assert.ok('queries' in A && 'queries' in C)
  assert.deepEqual([A.queries, C.queries], [10, 3])
  // every ranking here is perfect, with one view and with several
  assert.equal(metrics.manyViews!.A.meanRank, A.overall.meanRank)
  assert.ok('accuracy' in metrics.classification)
  assert.equal(metrics.manyViews!.accuracy, metrics.classification.accuracy)
  assert.match(card, /views of every picture averaged .* and accuracy 0\.300\./)
  assert.ok(card.includes('Protocol C shows'))
  assert.match(card, /\(one of 3\) have a high[\s\S]* pictures of 4 classes\.[\s\S]*It knows a, b, c, as they look/)
})

test('without test pictures the report says so instead of inventing numbers', async () => {
  const { metrics, card } = await report(
    images.filter(({ split }) => split !== 'test'),
    'untested',
  )
  assert.ok('notMeasured' in metrics.protocols.A && 'notMeasured' in metrics.classification)
  assert.match(card, /no test pictures/)
})

test('for the action photos the published numbers are listed, separately per protocol', async () => {
  const { folder, metrics } = await report(images, 'published')
  const numbers = { what: 'published', accuracy: 0.73, 'mAP@1': 1, 'mAP@10': 0.65, 'mAP@50': 0.482, meanRank: 261 }
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'))
  const card = modelCard(manifest, {
    ...metrics,
    published: { withQuery: numbers, withoutQuery: { ...numbers, 'mAP@1': 0.74 } },
  })
  assert.match(card, /\| published \| 0\.730 \| 1\.000 \| 0\.650 \| 0\.482 \| 261 \|/)
})

test('an unreadable picture is named', async () => {
  const broken: SplitImage = {
    id: 'broken',
    label: 'a',
    split: 'test',
    group: 'broken',
    source: { bytes: new Uint8Array(new SharedArrayBuffer(9)) },
  }
  await assert.rejects(report([...images, broken], 'broken'), { code: 'dataset_unusable', message: /"broken"/ })
})

test('labels and licences are text in the card, not markup, and many labels are not all repeated', async () => {
  const { folder, metrics } = await report(images, 'marked')
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'))
  const labels = ['<b> | _x_', ...Array.from({ length: 40 }, (_, i) => `label ${i}`)]
  const { classification } = metrics
  assert.ok('classes' in classification)
  const quality = Object.values(classification.perClass)[0]!
  const card = modelCard(
    { ...manifest, labels },
    {
      ...metrics,
      data: { ...metrics.data, licence: '*none*' },
      classification: {
        ...classification,
        classes: labels.slice(0, 1),
        confusion: [[1]],
        perClass: { [labels[0]!]: quality },
      },
      training: { ...metrics.training, epochs: 1, seconds: 5000 },
    },
  )
  assert.match(card, /\n\| \\<b\\> \\\| \\_x\\_ \| \d/)
  assert.match(card, /It knows 41 classes, such as \\<b\\> \| \\_x\\_, label 0, .*label 28, as they look in/)
  assert.match(card, /pictures: \\\*none\\\*\. No picture/)
  assert.match(card, /- 1 epoch in 84 min on/)
})

test('a protocol in which no query has anything to find says so', async () => {
  const { card } = await report(
    images.filter(
      ({ split, label }, i) =>
        split !== 'test' || images.findIndex((other) => other.split === 'test' && other.label === label) === i,
    ),
    'alone',
  )
  assert.match(card, /\nA: No query has a picture of its label to find, not counting copies\. C: /)
  assert.ok(!card.includes('views of every picture averaged'))
})

test('edited copies of test pictures are searched among all of them, and the card shows how often the original ranks first', async () => {
  const { metrics, card } = await report(images, 'copies')
  const { copies } = metrics
  assert.deepEqual([copies?.pictures, copies?.gallery, Object.keys(copies!.firstHit)], [10, 10, [...judgedEdits]])
  const [edit, found] = Object.entries(copies!.firstHit)[0]!
  assert.ok(card.includes(`| ${edit} | ${found.toFixed(3)} |`), edit)
  assert.match(card, /## Edited copies\n\n10 test pictures.*\n\n[\s\S]*\| mean \| [01]\.\d{3} \|/)
  // cards of older runs
  assert.ok(
    !modelCard(JSON.parse(await readFile(join(parent, 'copies', 'manifest.json'), 'utf8')), {
      ...metrics,
      copies: undefined,
    }).includes('Edited copies'),
  )
})

test('only the published data is compared with the published system, not other pictures of the same actions', async () => {
  const { data } = JSON.parse(await readFile('onnx/har-resnet50/metrics.json', 'utf8')) as ModelMetrics
  assert.ok(isPublishedData(data))
  const test300 = { ...data.splits.test, pictures: 45 }
  assert.ok(!isPublishedData({ ...data, splits: { ...data.splits, test: test300 } }))
  assert.ok(!isPublishedData({ ...data, classes: data.classes.slice(1) }))
})

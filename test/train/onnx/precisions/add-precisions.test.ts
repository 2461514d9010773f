import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { optionsOf } from '../../../../src/command-line.js'
import type { Golden } from '../../../../src/embedding/golden-check.js'
import { readModel } from '../../../../src/embedding/model-manifest.js'
import { addPrecisions } from '../../../../src/train/onnx/precisions/add-precisions.js'
import { quantizeCommand, quantizeOptionsOf } from '../../../../src/train/onnx/precisions/main.js'
import type { PrecisionGate } from '../../../../src/train/onnx/precisions/precision-gate.js'
import { tinyModel } from '../../../support/tiny-model.js'

const asked = (args: string[]) => quantizeOptionsOf(optionsOf(quantizeCommand(), args))

/** A copy of the tiny network's folder, and the pictures it was trained on. */
async function tinyFolder(t: TestContext): Promise<{ folder: string; data: string }> {
  const trained = await tinyModel()
  const folder = await mkdtemp(join(tmpdir(), 'alike-precisions-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await cp(trained, folder, { recursive: true })
  return { folder, data: join(dirname(dirname(trained)), 'pictures') }
}

test('the manifest lists the precisions with their measurements', async (t) => {
  const { folder, data } = await tinyFolder(t)
  // the network is too small to become faster
  await addPrecisions(await asked(['--model', folder, '--data', data, '--min-speedup', '0.01', '--pictures', '16']))
  const { manifest } = await readModel(folder)
  assert.deepEqual(Object.keys(manifest.files).sort(), ['fp16', 'fp32', 'int8'])
  assert.ok(manifest.files.int8!.bytes < manifest.files.fp32.bytes * 0.7)
  const { int8, fp16 } = manifest.provenance.precisions as Record<string, PrecisionGate>
  assert.ok(int8!.fp32.mAP10! - int8!.mAP10! <= 0.005 && int8!.minCosine > 0.9 && int8!.speedup > 0)
  assert.ok(fp16!.minCosine > 0.999)
  assert.equal(int8!.pictures, 32)
  assert.ok(manifest.calibration!.positives > 0)

  const golden = JSON.parse(await readFile(join(folder, 'golden', 'golden.json'), 'utf8')) as Golden
  assert.deepEqual(Object.keys(golden.embeddings).sort(), ['fp16', 'fp32', 'int8'])
  const card = await readFile(join(folder, 'model-card.md'), 'utf8')
  assert.match(card, /## Smaller precisions[\s\S]*\| int8 \|[\s\S]*\| fp16 \|/)
  assert.match(card, /## What a score means/)
  assert.deepEqual((await readdir(join(folder, 'plots'))).sort(), [
    'calibration.svg',
    'classes.svg',
    'confusion.svg',
    'distances.svg',
  ])
  for (const [, link] of card.matchAll(/\]\((plots\/[^)]+)\)/g))
    assert.match(await readFile(join(folder, link!), 'utf8'), /^<svg/)
})

test('pictures of other labels than those of the network are refused', async (t) => {
  const { folder, data } = await tinyFolder(t)
  const others = await mkdtemp(join(tmpdir(), 'alike-precisions-'))
  t.after(() => rm(others, { recursive: true, force: true }))
  const [first = ''] = await readdir(data)
  await cp(join(data, first), join(others, 'other'), { recursive: true })
  await assert.rejects(asked(['--model', folder, '--data', others]), {
    code: 'dataset_unusable',
    message: /None of the labels that the network was trained on \(circle, .*\) is in the data/,
  })
})

test('where only the fp16 file is at hand, int8 is made from it, and the others stay as they are', async (t) => {
  const { folder, data } = await tinyFolder(t)
  const options = (precisions: string) =>
    asked(['--model', folder, '--data', data, '--min-speedup', '0.01', '--precisions', precisions, '--pictures', '16'])
  const { files } = await addPrecisions(await options('int8,fp16'))
  const goldenOf = async () => JSON.parse(await readFile(join(folder, 'golden', 'golden.json'), 'utf8')) as Golden
  const before = await goldenOf()
  await rm(join(folder, files.fp32.file))
  await rm(join(folder, files.int8!.file))

  await assert.rejects(addPrecisions(await options('int8,fp16')), {
    code: 'model_unreadable',
    message: /fp16 is made from model\.onnx, which is missing; --precisions int8/,
  })
  const made = await addPrecisions(await options('int8'))
  assert.deepEqual({ ...made.files, int8: undefined }, { ...files, int8: undefined })
  const { absent, manifest } = await readModel(folder)
  assert.deepEqual(absent, ['fp32'])
  assert.equal((manifest.provenance.precisions as Record<string, { source: string }>).int8!.source, 'fp16')
  const after = await goldenOf()
  assert.deepEqual({ ...after.embeddings, int8: [] }, { ...before.embeddings, int8: [] })
  assert.equal(after.embeddings.int8!.length, after.pictures.length)

  await rm(join(folder, files.fp16!.file))
  await assert.rejects(addPrecisions(await options('int8')), {
    code: 'model_unreadable',
    message: /neither model\.onnx nor fp16/,
  })
})

test('if a file cannot be written, the folder still holds a network', async (t) => {
  const { folder, data } = await tinyFolder(t)
  const options = (precisions: string, pictures: string) =>
    asked([
      '--model',
      folder,
      '--data',
      data,
      '--min-speedup',
      '0.01',
      '--precisions',
      precisions,
      '--pictures',
      pictures,
    ])
  await addPrecisions(await options('int8', '16'))
  await mkdir(join(folder, 'model.fp16.onnx'))
  await assert.rejects(addPrecisions(await options('int8,fp16', '8')), { code: 'EISDIR' })
  await rm(join(folder, 'model.fp16.onnx'), { recursive: true })
  assert.deepEqual(Object.keys((await readModel(folder)).manifest.files), ['fp32'])
})

test('without two val pictures of a label it says so, instead of failing the gate after minutes', async (t) => {
  const { folder, data } = await tinyFolder(t)
  const options = await asked(['--model', folder, '--data', data])
  const images = options.images.filter(({ split, id }) => split !== 'val' || id.endsWith('/0.jpg'))
  await assert.rejects(addPrecisions({ ...options, images }), {
    code: 'dataset_unusable',
    message: /No two val pictures/,
  })
})

test('a precision that fails its gate is not written; the other one is', async (t) => {
  const { folder, data } = await tinyFolder(t)
  const before = await readdir(folder)
  const options = async (precisions: string) =>
    addPrecisions(
      await asked([
        ...['--model', folder, '--data', data, '--min-speedup', '1000', '--pictures', '16'],
        ...['--precisions', precisions],
      ]),
    )
  await assert.rejects(options('int8'), {
    code: 'precision_gate_failed',
    message: /int8: it is .* times as fast as fp32, at least 1000 is needed\. Nothing was written\.$/,
  })
  assert.deepEqual(await readdir(folder), before)

  await assert.rejects(options('int8,fp16'), {
    code: 'precision_gate_failed',
    message: /int8: it is .* times as fast as fp32, at least 1000 is needed\. fp16 was written\.$/,
  })
  const { manifest } = await readModel(folder)
  assert.deepEqual(Object.keys(manifest.files), ['fp32', 'fp16'])
  assert.deepEqual(Object.keys(manifest.provenance.precisions as object), ['fp16'])
  const golden = JSON.parse(await readFile(join(folder, 'golden', 'golden.json'), 'utf8')) as Golden
  assert.deepEqual(Object.keys(golden.embeddings).sort(), ['fp16', 'fp32'])
})

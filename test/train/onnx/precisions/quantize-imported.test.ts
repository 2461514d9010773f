/** `npm run quantize` of imported networks, from their file to the service. */
import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { optionsOf } from '../../../../src/command-line.js'
import type { Golden } from '../../../../src/embedding/golden-check.js'
import { readModel } from '../../../../src/embedding/model-manifest.js'
import { importNetwork } from '../../../../src/train/onnx/foreign/import-network.js'
import { elementTypes, encodeModel } from '../../../../src/train/onnx/onnx-proto.js'
import { addPrecisions } from '../../../../src/train/onnx/precisions/add-precisions.js'
import { quantizeCommand, quantizeOptionsOf } from '../../../../src/train/onnx/precisions/main.js'
import type { PrecisionGate } from '../../../../src/train/onnx/precisions/precision-gate.js'
import { startApp } from '../../../support/app.js'
import { drawImage } from '../../../support/drawn-images.js'
import { temporaryFolder } from '../../../support/temporary-folder.js'
import { tinyModel, writeDrawnImages } from '../../../support/tiny-model.js'
import { type Body, foreignModel, foreignPreprocessing, mobile, vectorOf } from '../foreign/foreign-networks.js'

const asked = (args: string[]) => quantizeOptionsOf(optionsOf(quantizeCommand(), args))

async function importedFolder(
  t: TestContext,
  body: Body = mobile,
  dimension = 40,
): Promise<{ folder: string; data: string }> {
  const out = await temporaryFolder(t, 'alike-quantize-')
  const [file, data] = [join(out, 'encoder.onnx'), join(out, 'pictures')]
  await writeFile(file, encodeModel(foreignModel(body, dimension)))
  await writeDrawnImages(data, { train: 10, val: 8, test: 1 })
  const given = { file, name: 'foreign', out, output: undefined, pooling: undefined, now: new Date(0) }
  const { folder } = await importNetwork({ ...given, preprocessing: foreignPreprocessing })
  return { folder, data }
}

// the network is too small to become faster
const slow = ['--min-speedup', '0.01', '--pictures', '16']

for (const { what, options } of [
  { what: 'with labels', options: [] },
  { what: 'without labels', options: ['--unlabelled'] },
])
  test(`an imported network gets its smaller precisions from pictures ${what}, and is served in int8`, async (t) => {
    const { folder, data } = await importedFolder(t)
    const before = await readModel(folder)
    await addPrecisions(await asked(['--model', folder, '--data', data, ...slow, ...options]))
    const { manifest } = await readModel(folder)
    assert.equal(manifest.id, before.manifest.id)
    assert.deepEqual(manifest.files.fp32, before.manifest.files.fp32)
    const { int8, fp16 } = manifest.provenance.precisions as Record<string, PrecisionGate>
    const hasLabels = options.length === 0
    assert.deepEqual([int8!.mAP10 !== undefined, manifest.calibration !== undefined], [hasLabels, hasLabels])
    assert.ok(int8!.overlapAt10 > 0.85 && int8!.overlapAt10 < fp16!.overlapAt10, `${int8!.overlapAt10}`)
    assert.ok(int8!.pictures >= 30)
    const golden = JSON.parse(await readFile(join(folder, 'golden', 'golden.json'), 'utf8')) as Golden
    assert.deepEqual(Object.keys(golden.embeddings).sort(), ['fp16', 'fp32', 'int8'])

    const app = await startApp(t, { modelDir: folder })
    const picture = { headers: { 'content-type': 'image/jpeg' }, payload: await drawImage('circle', 1) }
    await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
    await app.call(201, { method: 'PUT', url: '/v1/galleries/g/images/a', ...picture })
    const { hits } = await app.call(200, { method: 'POST', url: '/v1/galleries/g/search', ...picture })
    assert.deepEqual((hits as { id: string }[])[0]?.id, 'a')
    type Listed = { models: { id: string; runtime: { precision: string } }[] }
    const [served] = (await app.call<Listed>(200, { url: '/v1/models' })).models
    assert.deepEqual([served?.id, served?.runtime.precision], [manifest.id, 'int8'])
  })

test('an imported network that gains too little stays as it is, and one is told why', async (t) => {
  const { folder, data } = await importedFolder(t)
  const before = [await readdir(folder), await readFile(join(folder, 'manifest.json'), 'utf8')]
  const words = ['--model', folder, '--data', data, '--unlabelled', '--min-speedup', '50', '--precisions', 'int8,int8']
  const options = await asked(words)
  await assert.rejects(addPrecisions(options), {
    code: 'precision_gate_failed',
    message:
      /good enough\. int8: it is \d+\.\d\d times as fast as fp32, at least 50 is needed\. Nothing was written\.$/,
  })
  assert.deepEqual([await readdir(folder), await readFile(join(folder, 'manifest.json'), 'utf8')], before)

  await rm(join(folder, 'model.onnx'))
  await assert.rejects(addPrecisions(options), { code: 'model_unreadable' })
})

test('of what nothing can be made, nothing is embedded; of the others it says what it embeds, and int8’s speed alone', async (t) => {
  const { folder, data } = await importedFolder(t)
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  await addPrecisions({ ...(await asked(['--model', folder, '--data', data, '--unlabelled', ...slow])), log })
  const parts = /^(?:(making .*)|(embedding \d+ val pictures and \d+ edited copies in .*)|(.*?):.* cosine [\d.]+(.*))$/
  const said = lines.map((line) => parts.exec(line)?.slice(1))
  assert.deepEqual(
    said.map((found) => found?.find((part) => part !== undefined)?.replace(/\d+/g, '#')),
    [
      'making int#',
      'making fp#',
      ...['fp#', 'int#'].map((name) => `embedding # val pictures and # edited copies in ${name}`),
      'int#',
      'embedding # val pictures and # edited copies in fp#',
      'fp#',
    ],
  )
  assert.deepEqual(
    said.flatMap((found) => (found?.[2] === undefined ? [] : [found[3]!.replace(/[\d.]+/, '#')])),
    [', # times as fast', ''],
  )

  lines.length = 0
  const { folder: plain } = await importedFolder(t, (b, planes) => vectorOf(b, b.add('Relu', 'cut', [planes])), 3)
  const options = await asked(['--model', plain, '--data', data, '--unlabelled', ...slow])
  await assert.rejects(addPrecisions({ ...options, log }), {
    message: /int8 cannot be made of it: .*; fp16 cannot be made of it: .*\. Nothing was written\.$/,
  })
  assert.deepEqual(lines, ['making int8', 'making fp16'])
})

test('where one precision cannot be made, the other is', async (t) => {
  const { folder, data } = await importedFolder(t, (b, planes) => {
    const half = b.add('Cast', 'half', [mobile(b, planes)], { to: elementTypes.float16 })
    return b.add('Cast', 'whole', [half], { to: elementTypes.float32 })
  })
  const options = await asked(['--model', folder, '--data', data, '--unlabelled', ...slow])
  await assert.rejects(addPrecisions(options), {
    code: 'precision_gate_failed',
    message: /fp16 cannot be made of it: it computes in half precision already\. int8 was written\.$/,
  })
  assert.deepEqual(Object.keys((await readModel(folder)).manifest.files), ['fp32', 'int8'])
})

test('pictures without labels are for networks without labels, and must be enough', async (t) => {
  const { folder, data } = await importedFolder(t)
  const few = join(data, 'few')
  await mkdir(few)
  await cp(join(data, 'val'), join(few, 'deep'), { recursive: true })
  await assert.rejects(asked(['--model', folder, '--data', few, '--unlabelled']), {
    code: 'dataset_unusable',
    message: /There are 32 pictures in the folder, at least 60 are needed/,
  })
  await assert.rejects(asked(['--model', folder, '--data', join(data, 'none'), '--unlabelled']), {
    code: 'dataset_unusable',
    message: /none cannot be read/,
  })
  await assert.rejects(asked(['--model', await tinyModel(), '--data', data, '--unlabelled']), {
    code: 'dataset_unusable',
    message: /The network has labels: --data names the pictures it was trained on/,
  })
  await assert.rejects(asked(['--model', folder, '--data', join(folder, 'golden')]), {
    code: 'dataset_unusable',
    message: /no labelled pictures in the folder.* If they have no labels: --unlabelled\.$/,
  })
  assert.throws(
    () => optionsOf(quantizeCommand(), ['--model', folder, '--data', data, '--unlabelled', '--labels', 'a.csv']),
    { code: 'commander.conflictingOption' },
  )
})

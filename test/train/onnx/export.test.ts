import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { readModel } from '../../../src/embedding/model-manifest.js'
import { convertNetwork } from '../../../src/train/onnx/convert.js'
import { exportModel } from '../../../src/train/onnx/export.js'
import { decodeModel } from '../../../src/train/onnx/onnx-proto.js'
import { openOnnx } from '../../../src/train/onnx/onnx-session.js'
import { inputSize, randomImages, randomNetwork } from './random-network.js'

type Tensor = tfl.SymbolicTensor
const { layers } = tfl

/** Passes a tensor through layers in sequence. */
function chain(...steps: { apply(input: Tensor): unknown }[]): (input: Tensor) => Tensor {
  return (input) => steps.reduce((value, layer) => layer.apply(value) as Tensor, input)
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'alike-export-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const options = { parityImages: randomImages(), provenance: { startedFrom: 'random weights' }, now: new Date(0) }

const conv = (config: Partial<Parameters<typeof layers.conv2d>[0]> = {}) =>
  layers.conv2d({ filters: 5, kernelSize: 3, ...config })

/** Each row is a body whose exported graph must compute what TensorFlow.js computes. */
const bodies: Record<string, (input: Tensor) => Tensor> = {
  'conv, batch-norm, relu': chain(conv({ useBias: false }), layers.batchNormalization({}), layers.reLU({})),
  'conv with bias and batch-norm': chain(
    conv({ padding: 'same' }),
    layers.batchNormalization({}),
    layers.activation({ activation: 'relu' }),
  ),
  'batch-norm without scale and shift': chain(conv(), layers.batchNormalization({ scale: false, center: false })),
  'batch-norm after an activation cannot be folded': chain(conv({ activation: 'relu' }), layers.batchNormalization({})),
  'batch-norm first': chain(layers.batchNormalization({}), conv()),
  'same padding, stride 2, odd size': chain(
    conv({ strides: 2, padding: 'same' }),
    conv({ kernelSize: 2, strides: 2, padding: 'same' }),
  ),
  'stride 2, even size': chain(
    layers.zeroPadding2d({
      padding: [
        [0, 1],
        [0, 1],
      ],
    }),
    layers.zeroPadding2d({ padding: 2 }),
    conv({ strides: 2, padding: 'same' }),
  ),
  dilation: chain(conv({ dilationRate: 2, padding: 'same' }), conv({ dilationRate: 3 })),
  'a kernel that is not square': chain(
    conv({ kernelSize: [1, 4], strides: [1, 2], padding: 'same' }),
    conv({ kernelSize: [5, 2], strides: [2, 1] }),
  ),
  'zero padding before conv and before pooling': chain(
    layers.zeroPadding2d({
      padding: [
        [1, 2],
        [3, 0],
      ],
    }),
    conv({ strides: 2 }),
    layers.reLU({}),
    layers.zeroPadding2d({ padding: 1 }),
    layers.maxPooling2d({ poolSize: 3, strides: 2 }),
  ),
  'zero padding before average pooling': chain(
    conv(),
    layers.zeroPadding2d({ padding: 1 }),
    layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
    layers.zeroPadding2d({ padding: 1 }),
    layers.averagePooling2d({ poolSize: 2 }),
  ),
  'max pooling, same': chain(conv(), layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  'average pooling, same': chain(
    conv(),
    layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
    layers.averagePooling2d({ poolSize: 2 }),
  ),
  'depthwise, multiplier 1 and 2': chain(
    layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', strides: 2, useBias: false }),
    layers.batchNormalization({}),
    layers.reLU({ maxValue: 6 }),
    layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }),
    layers.batchNormalization({}),
    layers.activation({ activation: 'relu6' }),
  ),
  'swish, sigmoid, tanh': chain(
    conv({ activation: 'swish' }),
    conv({ activation: 'sigmoid' }),
    conv({ activation: 'tanh' }),
  ),
  'flatten before dense': chain(
    conv({ strides: 3 }),
    layers.flatten({}),
    layers.dense({ units: 9 }),
    layers.batchNormalization({}),
    layers.activation({ activation: 'relu' }),
  ),
  'dropout is nothing': chain(
    conv(),
    layers.dropout({ rate: 0.5 }),
    layers.globalMaxPooling2d({}),
    layers.dropout({ rate: 0.5 }),
  ),
  'a sum of three branches that share their input': (input) => {
    const trunk = chain(conv({ padding: 'same' }), layers.batchNormalization({}))(input)
    const branch = chain(conv({ padding: 'same' }), layers.batchNormalization({}))(trunk)
    return layers.add({}).apply([branch, trunk, conv({ kernelSize: 1 }).apply(trunk) as Tensor]) as Tensor
  },
  'a conv that two layers read keeps its batch-norm apart': (input) => {
    const shared = conv({ padding: 'same' }).apply(input) as Tensor
    return layers.add({}).apply([layers.batchNormalization({}).apply(shared) as Tensor, shared]) as Tensor
  },
  'one layer used twice': (input) => {
    const shared = conv({ filters: 3, padding: 'same' })
    return shared.apply(shared.apply(input) as Tensor) as Tensor
  },
}

for (const [name, body] of Object.entries(bodies)) {
  test(`parity: ${name}`, async (t) => {
    const folder = join(await temporaryFolder(t), 'model')
    const { parity } = await exportModel(await randomNetwork(body), { ...options, folder })
    assert.equal(parity.pictures, 16)
    assert.ok(parity.minCosine > 0.99999 && parity.maxLogitDifference < 1e-3)
  })
}

test('an embedding that the layers do not normalise has unit length in the graph', async (t) => {
  const folder = join(await temporaryFolder(t), 'model')
  await exportModel(await randomNetwork(chain(conv()), { normalised: false }), { ...options, folder })
  const session = await openOnnx(join(folder, 'model.onnx'))
  const pixels = Buffer.concat(randomImages(3))
  const { embedding, logits } = await session.run(pixels, inputSize)
  await session.close()
  assert.deepEqual([embedding.length, logits.length], [18, 9])
  for (let row = 0; row < 3; row++)
    assert.ok(Math.abs(Math.hypot(...embedding.subarray(row * 6, row * 6 + 6)) - 1) < 1e-6)
})

test('batch-norm is folded into the convolution', async () => {
  const network = await randomNetwork(bodies['conv, batch-norm, relu']!)
  const { graph, irVersion, opsetImport } = decodeModel(convertNetwork(network))
  assert.equal(irVersion, 8)
  assert.equal(opsetImport[0]?.version, 17)
  const body = ['Transpose', 'Cast', 'Sub', 'Div', 'Conv', 'Relu', 'GlobalAveragePool', 'Flatten', 'Gemm']
  assert.deepEqual(graph.node.map(({ opType }) => opType).slice(0, body.length), body)
  assert.deepEqual(
    graph.output.map(({ name }) => name),
    ['embedding', 'logits'],
  )
})

test('the same network gives the same bytes', async () => {
  const network = await randomNetwork(bodies['dilation']!)
  assert.deepEqual(convertNetwork(network), convertNetwork(network))
})

test('the folder contains a model that the service can read', async (t) => {
  const folder = join(await temporaryFolder(t), 'model')
  const { manifest } = await exportModel(await randomNetwork(chain(conv())), { ...options, folder })
  assert.deepEqual((await readModel(folder)).manifest, JSON.parse(JSON.stringify(manifest)))
  assert.equal(manifest.createdAt, '1970-01-01T00:00:00.000Z')
  assert.equal(manifest.provenance.startedFrom, 'random weights')
})

test('an export replaces an older one as a whole', async (t) => {
  const parent = await temporaryFolder(t)
  const folder = join(parent, 'model')
  const first = await exportModel(await randomNetwork(chain(conv())), { ...options, folder })
  await writeFile(join(folder, 'metrics.json'), '{}')
  const second = await exportModel(await randomNetwork(chain(conv(), conv())), { ...options, folder })
  assert.notEqual(second.manifest.id, first.manifest.id)
  assert.deepEqual((await readdir(folder)).sort(), ['golden', 'manifest.json', 'model.onnx'])
  assert.deepEqual(await readdir(parent), ['model'])
})

test('an export removes what killed ones of this network have left, and nothing that another host may be writing', async (t) => {
  const parent = await temporaryFolder(t)
  const { pid } = spawnSync(process.execPath, ['-e', '']) // has ended
  const here = `.model.draft-${hostname()}`
  const left = [`${here}@${pid}`, `${here}@${pid}-old`, '.model.draft-gone@7']
  const kept = [`${here}@${process.ppid}`, `.model.draft-elsewhere@${pid}`, `.other.draft-${hostname()}@${pid}`]
  for (const name of [...left, ...kept]) await mkdir(join(parent, name))
  const long = Date.now() / 1000 - 100_000
  await utimes(join(parent, left[2]!), long, long)
  await exportModel(await randomNetwork(chain(conv())), { ...options, folder: join(parent, 'model') })
  assert.deepEqual((await readdir(parent)).sort(), [...kept, 'model'].sort())
})

test('an unsupported layer is named', async () => {
  const rows: [string, (input: Tensor) => Tensor][] = [
    ['UpSampling2D', chain(layers.upSampling2d({}))],
    ['activation softsign', chain(conv({ activation: 'softsign' }))],
    ['MaxPooling2D', chain(conv(), layers.zeroPadding2d({}), layers.maxPooling2d({ poolSize: 2 }))],
    ['BatchNormalization', chain(conv(), layers.batchNormalization({ axis: 1 }))],
  ]
  for (const [named, body] of rows) {
    const network = await randomNetwork(body)
    assert.throws(() => convertNetwork(network), { code: 'export_layer_unsupported', message: new RegExp(named) })
  }
})

test('a failed parity check leaves nothing, and an older model unchanged', async (t) => {
  const parent = await temporaryFolder(t)
  const folder = join(parent, 'model')
  const network = await randomNetwork(chain(conv(), layers.batchNormalization({})))
  const broken = await randomNetwork(chain(conv(), layers.batchNormalization({})))
  // a layer that does something else than its class says, as after a bug in a converter
  const layer = broken.model.layers.find((candidate) => candidate.getClassName() === 'Conv2D')!
  const call = layer.call.bind(layer)
  layer.call = (inputs, kwargs) => tf.abs(call(inputs, kwargs) as tf.Tensor)

  await assert.rejects(exportModel(broken, { ...options, folder }), { code: 'export_parity_failed' })
  assert.deepEqual(await readdir(parent), [])
  await exportModel(network, { ...options, folder })
  const before = await readFile(join(folder, 'model.onnx'))
  await assert.rejects(exportModel(broken, { ...options, folder }), { code: 'export_parity_failed' })
  assert.deepEqual(await readFile(join(folder, 'model.onnx')), before)
  assert.deepEqual(await readdir(parent), ['model'])
})

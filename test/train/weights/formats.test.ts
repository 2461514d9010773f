/** Files in the formats of other frameworks, written here with few channels and read back as our layers. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { File, ready } from 'h5wasm/node'
import { AlikeError } from '../../../src/errors.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { resnet50 } from '../../../src/train/models/resnet50.js'
import { type NamedTensor, writeTensors } from '../../../src/train/safetensors.js'
import { assignWeights } from '../../../src/train/weights/assign.js'
import { readStartingWeights } from '../../../src/train/weights/starting-weights.js'
import { narrowConvolutions, narrowTorchTensors, narrowWidth, randomTensors } from '../../support/narrow-resnet-file.js'

const folder = await mkdtemp(join(tmpdir(), 'alike-weights-'))
after(() => rm(folder, { recursive: true }))
await Promise.all([ready, chooseBackend('cpu')])

const width = narrowWidth

const network = () =>
  resnet50({
    name: 'small',
    labels: ['a', 'b'],
    preprocessing: {
      inputSize: 32,
      fit: 'cover',
      resizeShortSide: 32,
      kernel: 'linear',
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    variant: { stride: 'middle', poolPad: 'all-around', stem: width, width },
    head: { pooling: 'average', embeddingDimension: 4, scale: 8, instanceDimension: 0 },
    seed: 1,
  })

const torchFile = join(folder, 'torch.safetensors')
const torch = narrowTorchTensors(11)
await writeTensors(torchFile, { tensors: torch, metadata: {} })

test("torchvision's file: batch-norm is folded, kernels are transposed, the stride is in the 3×3", async () => {
  const weights = await readStartingWeights(torchFile)
  assert.deepEqual(
    [weights.architecture, weights.resnet, weights.layers.size],
    ['resnet50', { stride: 'middle', poolPad: 'all-around', stem: width, width }, 53],
  )
  const by = new Map(torch.map((each) => [each.name, each.values]))
  const [kernel, bias] = weights.layers.get('layer2.0.conv2')!
  const inner = width * 2
  const scale = (channel: number) =>
    by.get('layer2.0.bn2.weight')![channel]! / Math.sqrt(by.get('layer2.0.bn2.running_var')![channel]! + 1e-5)
  // row 2, column 0, input 1, output 3
  const found = kernel!.values[((2 * 3 + 0) * inner + 1) * inner + 3]!
  const given = by.get('layer2.0.conv2.weight')![((3 * inner + 1) * 3 + 2) * 3 + 0]!
  assert.ok(Math.abs(found - given * scale(3)) < 1e-6)
  assert.ok(
    Math.abs(
      bias!.values[3]! - (by.get('layer2.0.bn2.bias')![3]! - by.get('layer2.0.bn2.running_mean')![3]! * scale(3)),
    ) < 1e-6,
  )
  assignWeights(network(), weights)
})

/** The same layers with Keras' names and order, with biases and a top. */
async function writeKeras(path: string): Promise<void> {
  const file = new File(path, 'w')
  const tensor = randomTensors(12)
  const put = (layer: string, part: string, { shape, values }: NamedTensor): void => {
    const group = file.get(layer) ?? file.create_group(layer)
    const inner = file.get(`${layer}/${layer}`) ?? (group as InstanceType<typeof File>).create_group(layer)
    ;(inner as InstanceType<typeof File>).create_dataset({ name: `${part}:0`, data: values, shape })
  }
  for (const { name, inputs, outputs, kernel } of narrowConvolutions()) {
    const [, stage, block, part] = /^layer(\d)\.(\d)\.(?:conv(\d)|downsample)/.exec(name) ?? []
    const base = stage === undefined ? 'conv1' : `conv${Number(stage) + 1}_block${Number(block) + 1}_${part ?? 0}`
    put(`${base}_conv`, 'kernel', tensor('', [kernel, kernel, inputs, outputs]))
    put(`${base}_conv`, 'bias', tensor('', [outputs]))
    for (const weight of ['gamma', 'beta', 'moving_mean']) put(`${base}_bn`, weight, tensor('', [outputs]))
    put(`${base}_bn`, 'moving_variance', tensor('', [outputs], 0.2, true))
  }
  put('probs', 'kernel', tensor('', [32 * width, 10]))
  put('probs', 'bias', tensor('', [10]))
  file.close()
}

test("Keras' file: red comes first, the bias is folded too, the top is recognised", async () => {
  const path = join(folder, 'keras.h5')
  await writeKeras(path)
  const weights = await readStartingWeights(path)
  assert.deepEqual(
    [weights.resnet, weights.layers.size, weights.preprocessing.std],
    [{ stride: 'first', poolPad: 'all-around', stem: width, width }, 53, [1, 1, 1]],
  )
  assert.deepEqual(
    weights.classifier!.map(({ shape }) => shape),
    [[32 * width, 10], [10]],
  )
  const file = new File(path, 'r')
  const values = (name: string): Float32Array => (file.get(name) as unknown as { value: Float32Array }).value
  const [kernel, convBias, gamma, beta, mean, variance] = [
    'conv/conv1_conv/kernel',
    'conv/conv1_conv/bias',
    'bn/conv1_bn/gamma',
    'bn/conv1_bn/beta',
    'bn/conv1_bn/moving_mean',
    'bn/conv1_bn/moving_variance',
  ].map((name) => values(`conv1_${name}:0`))
  file.close()
  const scale = gamma![1]! / Math.sqrt(variance![1]! + 1.001e-5)
  const [read, bias] = weights.layers.get('conv1')!
  // row 4, column 5: their blue (0) is our last channel
  assert.ok(
    Math.abs(read!.values[((4 * 7 + 5) * 3 + 2) * width + 1]! - kernel![((4 * 7 + 5) * 3 + 0) * width + 1]! * scale) <
      1e-6,
  )
  assert.ok(Math.abs(bias!.values[1]! - (beta![1]! + (convBias![1]! - mean![1]!) * scale)) < 1e-6)
  assignWeights(network(), weights)
})

const refused = (reason: RegExp) => (error: unknown) =>
  error instanceof AlikeError && error.code === 'weights_unreadable' && reason.test(error.message)

test('a wrong checksum, a missing tensor, a mismatched shape and an unrelated file are named', async () => {
  await assert.rejects(readStartingWeights(torchFile, 'ab'.repeat(32)), refused(/torch\.safetensors has the SHA-256/))
  const sha256 = createHash('sha256')
    .update(await readFile(torchFile))
    .digest('hex')
  await readStartingWeights(torchFile, sha256.toUpperCase())

  const lacking = join(folder, 'lacking.safetensors')
  await writeTensors(lacking, { tensors: torch.filter(({ name }) => name !== 'layer3.4.bn1.bias'), metadata: {} })
  await assert.rejects(readStartingWeights(lacking), refused(/layer3\.4\.bn1\.bias is missing/))

  const weights = await readStartingWeights(torchFile)
  const [kernel, bias] = weights.layers.get('layer1.1.conv1')!
  weights.layers.set('layer1.1.conv1', [{ ...kernel!, shape: [1, 1, 4, 4] }, bias!])
  weights.layers.set('extra', [])
  assert.throws(
    () => assignWeights(network(), weights),
    refused(
      /layer1\.1\.conv1 needs \[1,1,8,2\] \[2\] and the file has \[1,1,4,4\] \[2\]; extra of the file has no place/,
    ),
  )

  const other = join(folder, 'other.safetensors')
  await writeTensors(other, { tensors: [randomTensors(1)('a', [1])], metadata: {} })
  await assert.rejects(readStartingWeights(other), refused(/1 tensors \(a …\), which match none of: ResNet-50 v1/))
  await writeFile(join(folder, 'text.bin'), 'no weights at all')
  await assert.rejects(
    readStartingWeights(join(folder, 'text.bin')),
    refused(/neither a complete safetensors file nor an HDF5 file/),
  )
  const bytes = await readFile(torchFile)
  await writeFile(join(folder, 'half.safetensors'), bytes.subarray(0, bytes.length >> 1))
  await assert.rejects(
    readStartingWeights(join(folder, 'half.safetensors')),
    refused(/half\.safetensors is neither a complete safetensors file/),
  )
  await assert.rejects(readStartingWeights(join(folder, 'absent.h5')), refused(/\S+\/absent\.h5 does not exist/))
  await writeFile(join(folder, 'model.int8.onnx'), 'a graph')
  await assert.rejects(readStartingWeights(join(folder, 'model.int8.onnx')), refused(/name the folder instead/))
})

/** The contribution of each place in a picture to its embedding and to a score. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { model as layersModel, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import { withoutMap } from '../../../src/embedding/served-graph.js'
import { seededRandom } from '../../../src/eval/random.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { normalised } from '../../../src/train/loader/normalise.js'
import { type JoinSettings, withJoinedEmbedding } from '../../../src/train/models/joined-embedding.js'
import { forward, type TrainableNetwork } from '../../../src/train/models/network.js'
import { simpleCnn } from '../../../src/train/models/simple-cnn.js'
import { convertNetwork } from '../../../src/train/onnx/convert.js'
import { decodeModel, encodeModel, type ModelProto } from '../../../src/train/onnx/onnx-proto.js'
import { openOnnx } from '../../../src/train/onnx/onnx-session.js'
import { mapDifference } from '../../../src/train/onnx/parity.js'
import { collectActivations, rangesBy } from '../../../src/train/onnx/precisions/activation-ranges.js'
import { toHalfPrecision } from '../../../src/train/onnx/precisions/half-precision.js'
import { planQuantisation } from '../../../src/train/onnx/precisions/quantisation-plan.js'
import { channelsToAverage, quantise, valuesToCalibrate } from '../../../src/train/onnx/precisions/quantise.js'
import { tinyResNet } from '../fine-tuning/tiny-resnet.js'

before(() => chooseBackend('cpu'))

/** Maps of 4×4 and 8×8 places. */
const side = 128
const settings: JoinSettings = { posterior: { share: 0.3, sharpness: 1.5 }, instanceShare: 0.2 }
const random = seededRandom(5)
const images = Array.from({ length: 4 }, () => Uint8Array.from({ length: side * side * 3 }, () => random() * 256))

function network({ pooling = 'average' }: { pooling?: 'average' | 'gem' } = {}): TrainableNetwork {
  const made = tinyResNet({ pooling, instanceDimension: 5, inputSize: side })
  for (const name of ['embed_norm', 'instance_norm']) {
    const norm = made.model.getLayer(name)
    norm.setWeights(norm.getWeights().map(({ shape }, i) => tf.randomUniform(shape, 0.5, 2, 'float32', i + 1)))
  }
  return made
}

async function run(model: ModelProto) {
  const session = await openOnnx(encodeModel(model), { map: true })
  const outputs = await session.run(Buffer.concat(images), side)
  await session.close()
  return { ...outputs, map: outputs.map!, dimension: outputs.embedding.length / images.length }
}

async function quantised(model: ModelProto): Promise<ModelProto> {
  const { histograms, means } = await collectActivations(model, {
    values: valuesToCalibrate(model),
    channels: channelsToAverage(model),
    images,
    size: side,
  })
  return quantise(model, { ranges: rangesBy('min-max', histograms), means })
}

const precisions: Record<string, (model: ModelProto) => ModelProto | Promise<ModelProto>> = {
  fp32: (model) => model,
  fp16: toHalfPrecision,
  int8: quantised,
}

for (const [precision, make] of Object.entries(precisions)) {
  test(`${precision}: the map sums to the embedding, and scores of places to the score`, async () => {
    const { embedding, map, dimension } = await run(
      await make(decodeModel(convertNetwork(withJoinedEmbedding(network(), settings)))),
    )
    assert.deepEqual([dimension, map.length], [16, images.length * 4 * 4 * 16])
    assert.ok(mapDifference(map, embedding, dimension) < 1e-3)

    const row = (values: Float32Array, index: number) => values.subarray(index * dimension, (index + 1) * dimension)
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
    const byPlace = Array.from({ length: 16 }, (_, place) => dot(row(map, place), row(embedding, 1)))
    assert.ok(
      Math.abs(byPlace.reduce((sum, score) => sum + score, 0) - dot(row(embedding, 0), row(embedding, 1))) < 1e-3,
    )
    assert.ok(Math.max(...byPlace) - Math.min(...byPlace) > 1e-4, 'places differ')
  })

  test(`${precision}: the main branch computes the same as without the map`, async () => {
    const whole = convertNetwork(withJoinedEmbedding(network(), settings))
    const alone = await make(decodeModel(withoutMap(whole)))
    const withMap = await make(decodeModel(whole))
    assert.deepEqual(withoutMap(encodeModel(withMap)), encodeModel(alone))
  })
}

test('no node of the map is quantised, and the others are planned as before', () => {
  const whole = decodeModel(convertNetwork(withJoinedEmbedding(network(), settings)))
  const alone = decodeModel(withoutMap(encodeModel(whole)))
  const planned = (model: ModelProto) => {
    const { quantised: nodes, dropped, rangeOf } = planQuantisation(model)
    return [
      [...nodes.values()].map(({ node, inputs, output }) => [node.name, inputs, output]),
      [...dropped].map(({ name }) => name),
      [...rangeOf],
    ]
  }
  assert.deepEqual(planned(whole), planned(alone))
})

test('each place has its own linear part of both vectors, and an equal part of the posterior', async () => {
  const plain = network()
  const { map, dimension } = await run(decodeModel(convertNetwork(withJoinedEmbedding(plain, settings))))
  const before = (name: string) => plain.model.getLayer(name).getInputAt(0) as SymbolicTensor
  const features = layersModel({ inputs: plain.model.inputs, outputs: [before('pooled'), before('instance_pooled')] })
  const expected = tf.tidy(() => {
    const input = normalised(images[0]!, side, plain.preprocessing)
    const [last, early] = features.apply(input, { training: false }) as [tf.Tensor4D, tf.Tensor4D]
    const [, logits] = forward(plain, input, false)
    const linear = (places: tf.Tensor, name: 'embed' | 'instance_embed', share: number) => {
      const vectors = plain.model
        .getLayer(name === 'embed' ? 'embed_norm' : 'instance_norm')
        .apply(tf.matMul(tf.reshape(places, [16, -1]), plain.model.getLayer(name).getWeights()[0]!), {
          training: false,
        }) as tf.Tensor2D
      return tf.div(tf.mul(vectors, Math.sqrt(share)), tf.mul(tf.norm(tf.mean(vectors, 0)), 16))
    }
    const posterior = tf.mul(tf.sqrt(tf.softmax(tf.mul(logits, 1.5))), Math.sqrt(0.3) / 16)
    return tf
      .concat(
        [
          linear(last, 'embed', 0.5),
          tf.tile(posterior, [16, 1]),
          linear(tf.avgPool(early, 2, 2, 'valid'), 'instance_embed', 0.2),
        ],
        1,
      )
      .dataSync()
  })
  const found = map.subarray(0, 16 * dimension)
  assert.ok(found.every((value, i) => Math.abs(value - expected[i]!) < 1e-5))
})

test('a network without a joined embedding has a map too; one with other pooling, or a non-linear layer before it, has none', () => {
  const outputs = (of: TrainableNetwork) => decodeModel(convertNetwork(of)).graph.output.map(({ name }) => name)
  const preprocessing = {
    inputSize: 16,
    fit: 'squash' as const,
    resizeShortSide: 16,
    kernel: 'linear' as const,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  }
  assert.deepEqual(
    outputs(
      simpleCnn({
        name: 'tiny',
        labels: ['a', 'b'],
        preprocessing,
        seed: 1,
        widths: [4, 8],
        depth: 1,
        embeddingDimension: 6,
      }),
    ),
    ['embedding', 'logits', 'map'],
  )
  assert.deepEqual(outputs(withJoinedEmbedding(network({ pooling: 'gem' }), settings)), ['embedding', 'logits'])
})

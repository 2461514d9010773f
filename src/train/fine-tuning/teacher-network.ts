/**
 * One teacher, as the device runs it best: on a GPU its layers, elsewhere its graph in ONNX Runtime, several times as
 * fast on a CPU as TensorFlow, in int8 if the folder has that file, several times as fast again.
 */
import { availableParallelism } from 'node:os'
import * as tf from '@tensorflow/tfjs-core'
import { type Model, networkFile, type Precision } from '../../embedding/model-manifest.js'
import type { Preprocessing } from '../../image/preprocessing.js'
import { forward } from '../models/network.js'
import type { StagedNetwork } from '../models/staged-network.js'
import { nativeDevice } from '../native/native-backend.js'
import { convertNetwork } from '../onnx/convert.js'
import { openOnnx } from '../onnx/onnx-session.js'
import { readTeacher } from '../weights/teacher.js'

export interface TeacherNetwork {
  readonly labels: readonly string[]
  readonly preprocessing: Preprocessing
  readonly embeddingDimension: number
  /** What computes it, for the log: a run that goes on elsewhere may hear the same teacher in another precision. */
  readonly computedBy: string
  /**
   * @param pixels [N, S, S, 3], 0..255, S its own side
   * @returns embeddings [N, D] of unit length and logits [N, C]; the caller disposes of them
   */
  answer(pixels: tf.Tensor4D): Promise<[tf.Tensor2D, tf.Tensor2D]>
  close(): Promise<void>
}

/** @throws AlikeError `weights_unreadable` */
export async function openTeacher(model: Model): Promise<TeacherNetwork> {
  const network = await readTeacher(model)
  if (nativeDevice() === 'gpu') return asLayers(network)
  const int8 = networkFile(model, 'int8')
  return asGraph(network, int8 === undefined ? undefined : { file: int8, precision: 'int8' })
}

export function asLayers(network: StagedNetwork): TeacherNetwork {
  const { labels, preprocessing, embeddingDimension } = network
  const { mean, std } = preprocessing
  return {
    labels,
    preprocessing,
    embeddingDimension,
    computedBy: 'TensorFlow in float32',
    answer: async (pixels) =>
      tf.tidy((): [tf.Tensor2D, tf.Tensor2D] => {
        const [embedding, logits] = forward(network, tf.div(tf.sub(pixels, mean), std), false)
        return [embedding, logits]
      }),
    close: async () => void network.model.dispose(),
  }
}

/**
 * Disposes of the layers.
 * @param instead the same network in another precision, which is computed in their place
 */
export async function asGraph(
  network: StagedNetwork,
  instead?: { file: string; precision: Precision },
): Promise<TeacherNetwork> {
  const { labels, preprocessing, embeddingDimension } = network
  const session = await openOnnx(instead?.file ?? convertNetwork(network), { threads: availableParallelism() })
  network.model.dispose()
  return {
    labels,
    preprocessing,
    embeddingDimension,
    computedBy: `ONNX Runtime in ${instead?.precision ?? 'float32'}`,
    async answer(pixels) {
      const rounded = new Uint8ClampedArray(await pixels.data())
      const { embedding, logits } = await session.run(new Uint8Array(rounded.buffer), preprocessing.inputSize)
      const count = pixels.shape[0]
      return [
        classPart(tf.tensor2d(embedding, [count, embedding.length / count]), embeddingDimension),
        tf.tensor2d(logits, [count, labels.length]),
      ]
    },
    close: () => session.close(),
  }
}

/**
 * A file joins other parts to the class embedding, which comes first and is scaled by its share.
 * @param joined [N, ≥ D], disposed of @returns [N, D] of unit length
 */
function classPart(joined: tf.Tensor2D, dimension: number): tf.Tensor2D {
  const part = tf.tidy(() => {
    const scaled = tf.slice(joined, [0, 0], [-1, dimension])
    return tf.div(scaled, tf.norm(scaled, 2, 1, true)) as tf.Tensor2D
  })
  joined.dispose()
  return part
}

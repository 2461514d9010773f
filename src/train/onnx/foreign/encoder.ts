/** Runs an imported network in front of a head: its vectors are what the head is trained on. */
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import * as tf from '@tensorflow/tfjs-core'
import { type Model, networkFile } from '../../../embedding/model-manifest.js'
import type { Encoder } from '../../models/network.js'
import { type OnnxSession, openOnnx } from '../onnx-session.js'

/** Pictures of one run. */
const batchSize = 6

/**
 * Unit vectors times √D, so that their numbers are around 1, as the head expects.
 * @param model with its fp32 file, which is opened with the first pictures
 */
export function encoderOf(model: Model): Encoder {
  const { embeddingDimension: dimension, preprocessing } = model.manifest
  const file = networkFile(model, 'fp32')!
  const scale = vectorScale(dimension)
  let session: Promise<OnnxSession> | undefined
  const spent = { seconds: 0, pictures: 0 }
  return {
    dimension,
    get secondsPerPicture() {
      return spent.pictures === 0 ? undefined : spent.seconds / spent.pictures
    },
    async rows(pixels) {
      session ??= openOnnx(file, { threads: availableParallelism() })
      const opened = await session
      const { inputSize } = preprocessing
      const size = inputSize ** 2 * 3
      const count = pixels.length / size
      const values = new Float32Array(count * dimension)
      const started = performance.now()
      for (let start = 0; start < count; start += batchSize) {
        const batch = pixels.subarray(start * size, (start + batchSize) * size)
        values.set((await opened.run(batch, inputSize)).embedding, start * dimension)
      }
      spent.seconds += (performance.now() - started) / 1000
      spent.pictures += count
      return tf.tensor4d(
        values.map((value) => value * scale),
        [count, 1, 1, dimension],
      )
    },
    read: () => readFile(file),
    async close() {
      await (await session)?.close()
    },
  }
}

export const vectorScale = (dimension: number): number => Math.sqrt(dimension)

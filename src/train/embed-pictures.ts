/** Runs a network over a part of the data set, on the pixel path of serving, for judging it. */
import * as tf from '@tensorflow/tfjs-core'
import type { SplitPicture } from '../datasets/split.js'
import type { EditedCopies } from '../eval/copies.js'
import { editedBatches } from './edited-copies.js'
import { normalised } from './loader/normalise.js'
import type { PictureLoader } from './loader/picture-loader.js'
import type { RowsOfParts } from './models/joined-embedding.js'
import { forward, type TrainableNetwork } from './models/network.js'

/** Rows in the order of `pictures`. */
export type EmbeddedPictures = RowsOfParts

const batchSize = 60

/** @param indices of the loader's pictures */
export async function embedPictures(
  network: TrainableNetwork,
  loader: PictureLoader,
  pictures: readonly SplitPicture[],
  indices: readonly number[],
): Promise<EmbeddedPictures> {
  const { preprocessing } = network
  const requests = Array.from({ length: Math.ceil(indices.length / batchSize) }, (_, batch) => ({
    pictures: indices.slice(batch * batchSize, (batch + 1) * batchSize),
    preprocessing,
  }))
  const parts = partsOf(network)
  for await (const pixels of loader.stream(requests)) await parts.add(pixels)
  return parts.rows(indices.map((index) => pictures[index]!))
}

/** Edited copies of the pictures, or of as many as are judged by. */
export async function embedCopies(
  network: TrainableNetwork,
  pictures: readonly SplitPicture[],
): Promise<EmbeddedPictures & EditedCopies> {
  const parts = partsOf(network)
  const originals: SplitPicture[] = []
  const edits: string[] = []
  for await (const batch of editedBatches(pictures, network.preprocessing)) {
    await parts.add(batch.pixels)
    originals.push(...batch.pictures)
    edits.push(...batch.edits)
  }
  return { ...parts.rows(originals), edits }
}

/** Gathers what the network makes of batches, output by output. */
function partsOf(network: TrainableNetwork) {
  const { preprocessing, embeddingDimension: dimension } = network
  const outputs: Float32Array[][] = network.model.outputs.map(() => [])
  return {
    /** @param pixels [n, inputSize, inputSize, 3] */
    async add(pixels: Uint8Array): Promise<void> {
      const made = tf.tidy(() => forward(network, normalised(pixels, preprocessing.inputSize, preprocessing), false))
      for (const [i, output] of made.entries()) outputs[i]!.push((await output.data()) as Float32Array)
      tf.dispose(made)
    },
    /** @param pictures in the order of the batches */
    rows(pictures: readonly SplitPicture[]): EmbeddedPictures {
      const [embeddings, logits, instance] = outputs.map(joinedTogether) as [Float32Array, Float32Array, Float32Array?]
      return {
        ids: pictures.map(({ id }) => id),
        labels: pictures.map(({ label }) => label),
        groups: pictures.map(({ group }) => group),
        embeddings,
        dimension,
        logits,
        instance,
      }
    },
  }
}

function joinedTogether(chunks: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

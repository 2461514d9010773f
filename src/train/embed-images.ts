/** Embeds part of the data set for evaluation, on the same pixel path as serving. */
import * as tf from '@tensorflow/tfjs-core'
import type { SplitImage } from '../datasets/split.js'
import type { EditedCopies } from '../eval/copies.js'
import { editedBatches } from './edited-copies.js'
import type { ImageLoader } from './loader/image-loader.js'
import type { RowsOfParts } from './models/joined-embedding.js'
import { forward, networkInput, type TrainableNetwork } from './models/network.js'
import { inPieces, microBatchHere } from './models/pieces.js'

/** Rows in the order of `images`. */
export type EmbeddedImages = RowsOfParts

const batchSize = 60

/** @param indices into the loader's pictures */
export async function embedImages(
  network: TrainableNetwork,
  loader: ImageLoader,
  images: readonly SplitImage[],
  indices: readonly number[],
): Promise<EmbeddedImages> {
  const { preprocessing } = network
  const requests = Array.from({ length: Math.ceil(indices.length / batchSize) }, (_, batch) => ({
    images: indices.slice(batch * batchSize, (batch + 1) * batchSize),
    preprocessing,
  }))
  const parts = partsOf(network)
  for await (const pixels of loader.stream(requests)) await parts.add(pixels)
  return parts.rows(indices.map((index) => images[index]!))
}

/** Embeds edited copies of the pictures, up to the evaluation's maximum. */
export async function embedCopies(
  network: TrainableNetwork,
  images: readonly SplitImage[],
): Promise<EmbeddedImages & EditedCopies> {
  const parts = partsOf(network)
  const originals: SplitImage[] = []
  const edits: string[] = []
  for await (const batch of editedBatches(images, network.preprocessing)) {
    await parts.add(batch.pixels)
    originals.push(...batch.images)
    edits.push(...batch.edits)
  }
  return { ...parts.rows(originals), edits }
}

/** Collects the network's outputs over batches, separately for each output. */
function partsOf(network: TrainableNetwork) {
  const { embeddingDimension: dimension } = network
  const outputs: Float32Array[][] = network.model.outputs.map(() => [])
  return {
    /** @param pixels [n, inputSize, inputSize, 3] */
    async add(pixels: Uint8Array): Promise<void> {
      const input = await networkInput(network, pixels)
      const batch = tf.tidy(() => inPieces(input, microBatchHere(), (rows) => forward(network, rows, false)))
      input.dispose()
      for (const [i, output] of batch.entries()) outputs[i]!.push((await output.data()) as Float32Array)
      tf.dispose(batch)
    },
    /** @param pictures in the order of the batches */
    rows(images: readonly SplitImage[]): EmbeddedImages {
      const [embeddings, logits, instance] = outputs.map(joinedTogether) as [Float32Array, Float32Array, Float32Array?]
      return {
        ids: images.map(({ id }) => id),
        labels: images.map(({ label }) => label),
        groups: images.map(({ group }) => group),
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

/** Embeds labelled pictures with the exported model, on the same pixel path as the service. */
import { createHash } from 'node:crypto'
import { bytesOf } from '../../datasets/image-bytes.js'
import type { SplitImage } from '../../datasets/split.js'
import { meanDirection } from '../../embedding/embed-views.js'
import type { Model } from '../../embedding/model-manifest.js'
import type { EditedCopies } from '../../eval/copies.js'
import type { LabelledEmbeddings } from '../../eval/ranking.js'
import { type PrepareOptions, prepareImage } from '../../image/prepare.js'
import { editedBatches } from '../edited-copies.js'
import type { OnnxSession } from '../onnx/onnx-session.js'
import { unreadablePicture } from '../unreadable-picture.js'

export interface ExportedEmbeddings extends LabelledEmbeddings {
  /** [n, C]. */
  logits: Float32Array
  /** SHA-256 of the encoded bytes of each picture, hex. */
  contentHashes: string[]
}

const batchSize = 16
const maxPixels = 100e6

/**
 * Rows in the order of `images`.
 * @param viewCount views per picture whose embeddings are averaged, as in the service, and likewise their logits
 * @throws AlikeError `dataset_unusable`, with the id of the picture.
 */
export async function embedExported(
  model: Model,
  session: OnnxSession,
  images: readonly SplitImage[],
  viewCount = 1,
): Promise<ExportedEmbeddings> {
  const { embeddingDimension: dimension, labels, preprocessing } = model.manifest
  const embeddings = new Float32Array(images.length * dimension)
  const logits = new Float32Array(images.length * labels.length)
  const contentHashes: string[] = []
  const prepare = (start: number) =>
    Promise.all(
      images.slice(start, start + batchSize).map((image) => preparePicture(image, { preprocessing, views: viewCount })),
    )

  let coming = prepare(0)
  for (let start = 0; start < images.length; start += batchSize) {
    const batch = await coming
    // the next batch decodes in its own threads while the run blocks this one
    coming = prepare(start + batchSize)
    coming.catch(() => {})
    const outputs = await session.run(Buffer.concat(batch.flatMap(({ views }) => views)), preprocessing.inputSize)
    batch.forEach((_, row) => {
      const vectors = Array.from({ length: viewCount }, (_, view) =>
        rowOf(outputs.embedding, row * viewCount + view, dimension),
      )
      embeddings.set(viewCount === 1 ? vectors[0]! : meanDirection(vectors), (start + row) * dimension)
      for (let view = 0; view < viewCount; view++) {
        rowOf(outputs.logits, row * viewCount + view, labels.length).forEach(
          (logit, i) => (logits[(start + row) * labels.length + i]! += logit / viewCount),
        )
      }
    })
    contentHashes.push(...batch.map(({ contentHash }) => contentHash))
  }
  return {
    ids: images.map(({ id }) => id),
    labels: images.map(({ label }) => label),
    groups: images.map(({ group }) => group),
    embeddings,
    dimension,
    logits,
    contentHashes,
  }
}

/**
 * Embeds edited copies of the pictures, up to the evaluation's maximum, one row each.
 * @throws AlikeError `dataset_unusable`
 */
export async function embedExportedCopies(
  model: Model,
  session: OnnxSession,
  images: readonly SplitImage[],
): Promise<EditedCopies> {
  const { embeddingDimension: dimension, preprocessing } = model.manifest
  const originals: SplitImage[] = []
  const edits: string[] = []
  const rows: Float32Array[] = []
  for await (const batch of editedBatches(images, preprocessing)) {
    rows.push((await session.run(batch.pixels, preprocessing.inputSize)).embedding)
    originals.push(...batch.images)
    edits.push(...batch.edits)
  }
  const embeddings = new Float32Array(originals.length * dimension)
  rows.reduce((at, row) => {
    embeddings.set(row, at)
    return at + row.length
  }, 0)
  return {
    ids: originals.map(({ id }) => id),
    labels: originals.map(({ label }) => label),
    groups: originals.map(({ group }) => group),
    embeddings,
    dimension,
    edits,
  }
}

function rowOf(values: Float32Array, row: number, width: number): Float32Array {
  return values.subarray(row * width, (row + 1) * width)
}

/** @throws AlikeError see `unreadablePicture` */
export async function preparePicture(
  image: SplitImage,
  wanted: Pick<PrepareOptions, 'preprocessing' | 'views'>,
): Promise<{ views: Uint8Array[]; contentHash: string }> {
  try {
    const bytes = await bytesOf(image)
    const { views } = await prepareImage(bytes, { ...wanted, maxPixels })
    return { views, contentHash: createHash('sha256').update(bytes).digest('hex') }
  } catch (cause) {
    throw unreadablePicture(image.id, cause)
  }
}

/** Edited copies for evaluating a network, generated on demand: picture bytes → bytes of a copy → pixels. */
import { bytesOf } from '../datasets/image-bytes.js'
import { spreadEvenly } from '../datasets/samples.js'
import type { SplitImage } from '../datasets/split.js'
import { AlikeError } from '../errors.js'
import { type EditName, edited } from '../image/edits.js'
import { prepareImage } from '../image/prepare.js'
import type { Preprocessing } from '../image/preprocessing.js'

/** The most common edits. */
export const judgedEdits = [
  'half size',
  'quarter size',
  'JPEG quality 40',
  '10 % cut off each side',
  'grey',
  'white border of 8 %',
] as const satisfies readonly EditName[]

/** Maximum number of pictures that are edited. */
const editedImages = 150
const batchSize = 16
const maxPixels = 100e6

/** Number of copies made from this many pictures. */
export const editedCopiesOf = (pictures: number): number => Math.min(pictures, editedImages) * judgedEdits.length

export interface EditedBatch {
  images: readonly SplitImage[]
  edits: readonly EditName[]
  /** [pictures, inputSize, inputSize, 3] */
  pixels: Uint8Array
}

/**
 * Every edit of the chosen pictures, batch by batch; the next batch is prepared meanwhile.
 * @throws AlikeError `dataset_unusable`, with the id of the picture
 */
export async function* editedBatches(
  images: readonly SplitImage[],
  preprocessing: Preprocessing,
): AsyncGenerator<EditedBatch> {
  const chosen = spreadEvenly(images, editedImages)
  const all = judgedEdits.flatMap((edit) => chosen.map((image) => ({ image, edit })))
  const make = async (start: number): Promise<EditedBatch> => {
    const batch = all.slice(start, start + batchSize)
    const pixels = await Promise.all(batch.map(({ image, edit }) => editedPixels(image, edit, preprocessing)))
    return {
      images: batch.map(({ image }) => image),
      edits: batch.map(({ edit }) => edit),
      pixels: Buffer.concat(pixels),
    }
  }
  let coming = make(0)
  for (let start = 0; start < all.length; start += batchSize) {
    const batch = await coming
    coming = make(start + batchSize)
    coming.catch(() => {})
    yield batch
  }
}

async function editedPixels(image: SplitImage, edit: EditName, preprocessing: Preprocessing): Promise<Uint8Array> {
  try {
    return (await prepareImage(await edited(await bytesOf(image), edit), { preprocessing, maxPixels })).pixels
  } catch (cause) {
    throw new AlikeError('dataset_unusable', {
      detail: `The picture "${image.id}" cannot be edited (${edit}).`,
      cause,
    })
  }
}

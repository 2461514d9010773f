/** Labelled pictures with their own split, or with a generated one. */
import { seededRandom } from '../eval/random.js'
import { withEqualFilesGrouped } from './equal-files.js'
import { readLabelledImages } from './labelled-images.js'
import { defaultDeal, lacksPart, type SplitImage, type SplitShares, withSplit } from './split.js'

export interface SplitSource {
  /** Folder of pictures. */
  data: string
  /** CSV; default: the folder's `labels.csv`, if it exists. */
  labels?: string | undefined
  /** Of the training run; the same seed generates the same split. */
  seed?: number | undefined
  shares?: SplitShares | undefined
}

/**
 * Training, quantisation and both kinds of evaluation all read their pictures here; otherwise one would test on what
 * another trained on.
 */
export async function readSplitImages({
  data,
  labels,
  seed = defaultDeal.seed,
  shares = defaultDeal.shares,
}: SplitSource): Promise<SplitImage[]> {
  const images = await readLabelledImages(data, labels)
  return withSplit(lacksPart(images) ? await withEqualFilesGrouped(images) : images, shares, seededRandom(seed))
}

/** The seed a network was trained with, from its manifest's `provenance`. */
export function trainingSeedOf(provenance: Readonly<Record<string, unknown>>): number | undefined {
  return typeof provenance['seed'] === 'number' ? provenance['seed'] : undefined
}

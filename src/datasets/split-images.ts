/** Labelled pictures with the split of the data, or else the one that is made of them. */
import { seededRandom } from '../eval/random.js'
import { readLabelledImages } from './labelled-images.js'
import { defaultDeal, type SplitImage, type SplitShares, withSplit } from './split.js'

export interface SplitSource {
  /** Folder of pictures. */
  data: string
  /** CSV; `labels.csv` of the folder where there is one. */
  labels?: string | undefined
  /** Of the training run; the same seed deals the same split. */
  seed?: number | undefined
  shares?: SplitShares | undefined
}

/** Training, quantization, judging and evaluation all read their pictures here, or one would test on what another trained on. */
export async function readSplitImages({
  data,
  labels,
  seed = defaultDeal.seed,
  shares = defaultDeal.shares,
}: SplitSource): Promise<SplitImage[]> {
  return withSplit(await readLabelledImages(data, labels), shares, seededRandom(seed))
}

/** The seed that a network was trained with, as its manifest's `provenance` tells it. */
export function trainingSeedOf(provenance: Readonly<Record<string, unknown>>): number | undefined {
  return typeof provenance['seed'] === 'number' ? provenance['seed'] : undefined
}

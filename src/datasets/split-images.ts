/** Labelled pictures with their own split, or with a generated one. */
import { AlikeError } from '../errors.js'
import { seededRandom } from '../eval/random.js'
import { withEqualFilesGrouped } from './equal-files.js'
import { readPictures } from './folders.js'
import { readLabelledImages } from './labelled-images.js'
import { defaultDeal, lacksPart, type SplitImage, type SplitShares, shuffled, withSplit } from './split.js'
import { expectUnseen, recordedParts, recordOf, type SplitRecord } from './split-record.js'

export interface SplitSource {
  /** Folder of pictures. */
  data: string
  /** CSV; default: the folder's `labels.csv`, if it exists. */
  labels?: string | undefined
  /** Of the training run; the same seed generates the same split. */
  seed?: number | undefined
  shares?: SplitShares | undefined
  /** Of networks that are judged, or learnt from: a split that is drawn keeps the parts they were trained with. */
  records?: readonly SplitRecord[] | undefined
  /** Of the record of the split that counts: those given, or else that of the one that is drawn, must be it. */
  recordSha256?: string | undefined
}

/**
 * Training, quantisation and both kinds of evaluation all read their pictures here; otherwise one would test on what
 * another trained on.
 * @throws AlikeError `dataset_unusable`; `split_differs` if one of the networks has learnt from pictures that would be
 * val or test
 */
export async function readSplitImages({
  data,
  labels,
  seed = defaultDeal.seed,
  shares = defaultDeal.shares,
  records = [],
  recordSha256,
}: SplitSource): Promise<SplitImage[]> {
  if (recordSha256 !== undefined) expectRecords(records, recordSha256)
  const images = await withEqualFilesGrouped(await readLabelledImages(data, labels))
  await expectUnseen(images, records)
  if (!lacksPart(images)) return images as SplitImage[]
  const split = withSplit(images, shares, seededRandom(seed), await recordedParts(images, records))
  const isDrawn = records.length === 0 && images.some((image) => image.split === undefined)
  if (isDrawn && recordSha256 !== undefined) await expectRecord(split, recordSha256)
  return split
}

/** As many are read, and of more a sample. */
const unlabelledMax = 1_000
const unlabelledMin = 60

/**
 * Pictures without labels, half of them train and half val.
 * @throws AlikeError `dataset_unusable`
 */
export async function readUnlabelledImages(folder: string): Promise<SplitImage[]> {
  const all = await readPictures(folder)
  if (all.length < unlabelledMin)
    throw new AlikeError('dataset_unusable', {
      detail: `There are ${all.length} pictures in the folder, at least ${unlabelledMin} are needed.`,
    })
  const some = shuffled(all, seededRandom(defaultDeal.seed)).slice(0, unlabelledMax)
  return withSplit(await withEqualFilesGrouped(some), { val: 0.5, test: 0 }, seededRandom(defaultDeal.seed))
}

function expectRecords(records: readonly SplitRecord[], expected: string): void {
  const other = records.find(({ sha256 }) => sha256 !== expected)
  if (other === undefined) return
  throw new AlikeError('split_differs', { detail: `${other.folder} is another network, or was trained otherwise.` })
}

async function expectRecord(images: readonly SplitImage[], expected: string): Promise<void> {
  if ((await recordOf(images)).sha256 === expected) return
  throw new AlikeError('split_differs', {
    detail:
      'The pictures or their parts are not those that the network was trained with. Its folder, named by --model, has them in split.json; without that file the data needs a split of its own.',
  })
}

/** How a network's pictures were split, from its manifest's `provenance`. */
export function trainedSplitOf({
  seed,
  splitSha256,
}: Readonly<Record<string, unknown>>): Pick<SplitSource, 'seed' | 'recordSha256'> {
  return {
    seed: typeof seed === 'number' ? seed : undefined,
    recordSha256: typeof splitSha256 === 'string' ? splitSha256 : undefined,
  }
}

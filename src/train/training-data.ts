/** The data set of a run: pictures, labels and the three parts. */
import { readLabelledPictures } from '../datasets/labelled-pictures.js'
import { type SplitPicture, withSplit } from '../datasets/split.js'
import { AlikeError } from '../errors.js'
import { seededRandom } from '../eval/random.js'
import type { TrainSettings } from './settings.js'

export interface TrainingData {
  pictures: SplitPicture[]
  /** Sorted; the order of the logits. */
  labels: string[]
  /** Indices into `pictures`. */
  train: number[]
  val: number[]
  test: number[]
  /** Index into `labels` of each picture of `train`, in its order. */
  classOf: number[]
}

export async function readTrainingData({
  data,
  labels: csv,
  shares,
  seed,
}: Pick<TrainSettings, 'data' | 'labels' | 'shares' | 'seed'>): Promise<TrainingData> {
  const pictures = withSplit(await readLabelledPictures(data, csv), shares, seededRandom(seed))
  const part = (split: string): number[] => [...pictures.keys()].filter((index) => pictures[index]!.split === split)
  const [train, val, test] = [part('train'), part('val'), part('test')]
  const labels = [...new Set(train.map((index) => pictures[index]!.label))].sort()
  // the test part may hold classes that were never trained on: protocol C judges them
  const stranger = val.find((index) => !labels.includes(pictures[index]!.label))
  if (stranger !== undefined)
    throw new AlikeError('data_unreadable', {
      detail: `The label "${pictures[stranger]!.label}" has no picture to train on.`,
    })
  if (labels.length < 2 || val.length === 0 || test.length === 0) {
    throw new AlikeError('data_unreadable', {
      detail: 'Training needs two labels, and pictures to validate and to test on.',
    })
  }
  return { pictures, labels, train, val, test, classOf: train.map((index) => labels.indexOf(pictures[index]!.label)) }
}

/** Holds out classes from training and ranks their pictures afterwards: protocol C. */
import * as tf from '@tensorflow/tfjs-core'
import type { TrainingData } from '../training-data.js'
import type { FrozenFeatures } from './frozen-features.js'

export interface HeldOut {
  /** Labels and train without the held-out classes; val with only those. */
  data: TrainingData
  features: FrozenFeatures
}

/** @param classes labels to hold out; the caller disposes of the features */
export function holdOut(features: FrozenFeatures, data: TrainingData, classes: readonly string[]): HeldOut {
  const isHeldOut = (index: number) => classes.includes(data.images[index]!.label)
  const rowsOf = (indices: readonly number[], wanted: boolean) =>
    indices.flatMap((index, row) => (isHeldOut(index) === wanted ? [row] : []))
  const [trainRows, valRows] = [rowsOf(data.train, false), rowsOf(data.val, true)]
  const labels = data.labels.filter((label) => !classes.includes(label))
  const train = trainRows.map((row) => data.train[row]!)
  const gathered = (all: tf.Tensor4D, rows: number[]) => tf.tidy(() => tf.gather(all, tf.tensor1d(rows, 'int32')))
  return {
    data: {
      ...data,
      labels,
      train,
      val: valRows.map((row) => data.val[row]!),
      classOf: train.map((index) => labels.indexOf(data.images[index]!.label)),
    },
    features: {
      train: gathered(features.train, trainRows),
      trainViews: features.trainViews.map((view) => gathered(view, trainRows)),
      val: gathered(features.val, valRows),
    },
  }
}

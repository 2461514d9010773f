/** How a run from scratch asks its teachers: about each batch, or from stored answers. */
import type * as tf from '@tensorflow/tfjs-core'
import type { PlannedBatch } from './epoch-plan.js'
import { TaughtViews, type TaughtViewsOptions } from './feature-cache/taught-views.js'
import { openTeachers, type Taught } from './fine-tuning/teachers.js'
import type { TrainableNetwork } from './models/network.js'
import { microBatchHere } from './models/pieces.js'

export interface Teaching {
  /**
   * @param view as in the plan of the epoch
   * @param input see `inputOf`
   * @returns the caller disposes of it
   */
  of(batch: PlannedBatch, view: number | null, input: tf.Tensor4D): Promise<Taught>
  close(): Promise<void>
}

/** @returns null if the run has no teachers or does not train; `stopped` if it was, while answers were computed */
export async function openTeaching(
  run: Omit<TaughtViewsOptions, 'teachers'> & { averaged: TrainableNetwork },
): Promise<Teaching | null | 'stopped'> {
  const { settings, averaged, log } = run
  const teachers = await openTeachers(settings, averaged, microBatchHere(), log)
  if (teachers === null) return null
  if (settings.teacherViews === 0)
    return { of: (_batch, _view, input) => teachers.teach(input), close: () => teachers.close() }
  try {
    const views = await TaughtViews.build({ ...run, teachers })
    if (views === null) return 'stopped'
    return { of: ({ members, mix }, view) => views.teach(members, view!, mix), close: () => views.close() }
  } finally {
    await teachers.close()
  }
}

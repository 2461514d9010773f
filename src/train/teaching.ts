/** How a run from scratch asks its teachers: about each batch, or from stored answers. */
import type * as tf from '@tensorflow/tfjs-core'
import type { PlannedBatch } from './epoch-plan.js'
import { TaughtViews, type TaughtViewsOptions } from './feature-cache/taught-views.js'
import type { Taught, Teachers } from './fine-tuning/teachers.js'

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
export async function openTeaching({
  teachers,
  ...run
}: Omit<TaughtViewsOptions, 'teachers'> & { teachers: Teachers | null }): Promise<Teaching | null | 'stopped'> {
  if (teachers === null) return null
  if (run.settings.teacherViews === 0)
    return { of: (_batch, _view, input) => teachers.teach(input), close: async () => {} }
  const views = await TaughtViews.build({ ...run, teachers })
  await teachers.close() // their memory is free during the run
  if (views === null) return 'stopped'
  return { of: ({ members, mix }, view) => views.teach(members, view!, mix), close: () => views.close() }
}

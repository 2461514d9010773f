/** The two models of random sequences: scores of either are the same, and those across them are not. */
import { AlikeError } from '../../../src/errors.js'
import type { ServableModel, ServableModels } from '../../../src/gallery/servable-models.js'
import { model } from '../stored-images.js'

export const models = [model, { ...model, id: '00000000000000bb' }] as const satisfies readonly ServableModel[]

export type SetModel = (typeof models)[number]

/** What the other model makes of a picture: its components in reverse order. [dimension] */
export function embeddedBy(modelId: string, vector: Float32Array): Float32Array {
  return modelId === model.id ? vector : vector.toReversed()
}

/** Both are installed. */
export const bothModels: ServableModels = {
  standard: model,
  has: (id) => models.some((one) => one.id === id),
  get(id) {
    const found = models.find((one) => one.id === id)
    if (found === undefined) throw new AlikeError('model_not_found')
    return found
  },
}

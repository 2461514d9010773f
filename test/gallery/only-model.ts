/** The installed models of a service that has one. */
import { AlikeError } from '../../src/errors.js'
import type { ServableModel, ServableModels } from '../../src/gallery/servable-models.js'

export function onlyModel(standard: ServableModel): ServableModels {
  return {
    standard,
    has: (id) => id === standard.id,
    get(id) {
      if (id !== standard.id) throw new AlikeError('model_not_found')
      return standard
    },
  }
}

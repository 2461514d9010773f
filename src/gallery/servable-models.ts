/** What galleries need to know of the models that are served. */
import { AlikeError } from '../errors.js'

export interface ServableModel {
  id: string
  /** Of its embeddings. */
  dimension: number
}

export interface ServableModels {
  /** What a gallery gets that asks for none. */
  readonly standard: ServableModel
  /** @throws AlikeError `model_not_found` */
  get(idOrName: string): ServableModel
  /** Galleries of models that are not served can be read, not searched or added to. */
  has(id: string): boolean
}

/** For who serves one model. */
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

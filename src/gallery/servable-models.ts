/** What galleries need to know about the installed models. */
export interface ServableModel {
  id: string
  /** Of its embeddings. */
  dimension: number
}

export interface ServableModels {
  /** The model of galleries that name none. */
  readonly standard: ServableModel
  /** @throws AlikeError `model_not_found` */
  get(idOrName: string): ServableModel
  /** Galleries of models that are not installed can be read, but not searched or added to. */
  has(id: string): boolean
}

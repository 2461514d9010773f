/** What the analyses know of a gallery's pictures: parallel lists by id, ascending. Position = index in them. */

export interface Images {
  ids: readonly string[]
  /** null: without a label. */
  labels: readonly (string | null)[]
  /** Equal for pictures of the same bytes. */
  contentHashes: readonly string[]
}

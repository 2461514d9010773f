/** A gallery's pictures as seen by the analyses: parallel lists by id, ascending. Position = index in them. */

export interface Images {
  ids: readonly string[]
  /** null: no label. */
  labels: readonly (string | null)[]
  /** Equal for pictures with the same bytes. */
  contentHashes: readonly string[]
}

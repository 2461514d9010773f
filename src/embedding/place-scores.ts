/** What each place of a picture adds to a score. Pure. */
import { cosine } from '../cosine.js'

/** One picture as the model sees it, place by place. */
export interface PlaceMap {
  /** [dimension], of unit length as far as the model rounds. */
  vector: Float32Array
  /** [height, width, dimension]; over the places they sum to the vector. */
  values: Float32Array
  height: number
  width: number
}

export interface PlaceScores {
  /** [height][width]; all of them sum to `sum`. */
  grid: number[][]
  sum: number
  /** Of the picture that was looked at and the other one. */
  ownScore: number
  /** Cosine of the embedding that was looked at and the one that it stands for. */
  likeness: number
}

/** From here on two embeddings say so much the same that one tells where the score of the other comes from. */
const leastLikeness = 0.9
/** And their scores may differ by so large a share. */
const mostDifference = 0.1

/**
 * Each place's part of a score: its share of the embedding times the other embedding.
 * @param other what it is compared with
 * @param stored the embedding that the map stands for, where that is not its own: of a picture of which only the
 * thumbnail is left. Where the two agree, the places are scaled to the stored one's score; else they keep their own.
 */
export function placeScores(map: PlaceMap, other: Float32Array, stored?: Float32Array): PlaceScores {
  const ownScore = cosine(map.vector, other)
  const likeness = stored === undefined ? 1 : cosine(map.vector, stored)
  const score = stored === undefined ? ownScore : cosine(stored, other)
  const agrees = likeness >= leastLikeness && Math.abs(score - ownScore) <= mostDifference * Math.abs(ownScore)
  const sum = agrees ? score : ownScore
  const factor = ownScore === 0 ? 1 : sum / ownScore
  return { grid: partsOf(map, other, ownScore).map((row) => row.map((part) => part * factor)), sum, ownScore, likeness }
}

/** What rounding leaves between their sum and the score is spread evenly. */
function partsOf({ vector, values, height, width }: PlaceMap, other: Float32Array, score: number): number[][] {
  const lengths = Math.hypot(...vector) * Math.hypot(...other)
  const parts = Array.from({ length: height * width }, (_, place) => {
    let part = 0
    for (let i = 0; i < vector.length; i++) part += values[place * vector.length + i]! * other[i]!
    return part / lengths
  })
  const rest = (score - parts.reduce((sum, part) => sum + part, 0)) / parts.length
  return Array.from({ length: height }, (_, row) =>
    parts.slice(row * width, (row + 1) * width).map((part) => part + rest),
  )
}

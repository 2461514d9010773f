/** The contribution of each cell of a picture to a score. Pure. */
import { cosine } from '../cosine.js'

/** One picture as the model sees it, cell by cell. */
export interface PlaceMap {
  /** [dimension], of unit length up to the model's rounding. */
  vector: Float32Array
  /** [height, width, dimension]; the cells sum to the vector. */
  values: Float32Array
  height: number
  width: number
}

export interface PlaceScores {
  /** [height][width]; they sum to `sum`. */
  grid: number[][]
  sum: number
  /** Score of the picture that was explained and the other one. */
  ownScore: number
  /** Cosine between the explained embedding and the stored one it stands for. */
  likeness: number
}

/** Minimum cosine at which one embedding can explain the score of the other. */
const leastLikeness = 0.9
/** … and the maximum relative difference between their scores. */
const mostDifference = 0.1

/**
 * Each cell's part of a score: its share of the embedding times the other embedding.
 * @param other the embedding it is compared with
 * @param stored the embedding that the map stands for, if that is not its own: for a picture of which only the
 * thumbnail is left. If the two agree, the cells are scaled to the stored one's score; otherwise they keep their own.
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

/** The rounding difference between their sum and the score is spread evenly. */
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

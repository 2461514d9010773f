/** Cosine similarities of many pairs, computed in slices. */
import { cosineTo, directionOf, inverseLengthOf } from '../../cosine.js'
import { nextTurn } from '../../turns.js'

type Vector = Float32Array | undefined

/** Rows compared before other requests get a turn. */
const rowsPerTurn = 16

/** [rows, columns]; −1 if either vector is missing. If both lists are the same, each pair is computed once. */
export async function cosinesOf(rows: readonly Vector[], columns: readonly Vector[]): Promise<Float32Array> {
  const cosines = new Float32Array(rows.length * columns.length).fill(-1)
  const lengths = columns.map((vector) => vector && inverseLengthOf(vector, 0, vector.length))
  for (const [row, vector] of rows.entries()) {
    if (row % rowsPerTurn === rowsPerTurn - 1) await nextTurn()
    if (vector === undefined) continue
    const direction = directionOf(vector)
    for (let column = rows === columns ? row : 0; column < columns.length; column++) {
      const other = columns[column]
      if (other === undefined) continue
      const score = cosineTo(direction, other, 0, lengths[column]!)
      cosines[row * columns.length + column] = score
      if (rows === columns) cosines[column * columns.length + row] = score
    }
  }
  return cosines
}

/**
 * Runs a large network on a few pictures at a time: on a CPU their maps then stay in the caches, which makes a
 * ResNet-50 1.4 times and EfficientNet-Lite0 1.8 times as fast as with 60 pictures at once.
 */
import * as tf from '@tensorflow/tfjs-core'
import { nativeDevice } from '../native/native-backend.js'

export interface Piece {
  start: number
  size: number
}

/** Pictures per pass; on a GPU all, because it computes them at once. */
export const microBatchHere = (): number => (nativeDevice() === 'gpu' ? Infinity : 6)

/** @param size rows of a piece, finite; the last one may have fewer */
export function piecesOf(count: number, size: number): Piece[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, piece) => ({
    start: piece * size,
    size: Math.min(size, count - piece * size),
  }))
}

export const rowsOf = <T extends tf.Tensor>(tensor: T, { start, size }: Piece): T => tf.slice(tensor, start, size) as T

/**
 * The outputs of `run` for all rows, joined. Only for what computes each row by itself.
 * @param input [N, S, S, 3]
 * @param most rows of a piece; if there are no more in all, nothing is cut or copied
 */
export function inPieces<Outputs extends [tf.Tensor, ...tf.Tensor[]]>(
  input: tf.Tensor4D,
  most: number,
  run: (rows: tf.Tensor4D) => Outputs,
): Outputs {
  if (input.shape[0] <= most) return run(input)
  const pieces = piecesOf(input.shape[0], most).map((piece) => tf.tidy(() => run(rowsOf(input, piece))))
  return pieces[0]!.map((_, output) => tf.concat(pieces.map((outputs) => outputs[output]!))) as Outputs
}

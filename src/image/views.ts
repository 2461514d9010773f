/**
 * Several views of one picture: averaging their embeddings gives a better one, at a multiple of the cost. In order: the
 * view that the network is trained on, its mirror image, the view with the other fit (the whole picture squashed for
 * `cover`, the centre for `squash`), its mirror image.
 */

/** @param pixels [side, side, 3] @returns the picture flipped horizontally */
export function mirrored(pixels: Uint8Array, side: number): Uint8Array {
  const result = new Uint8Array(pixels.length)
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const from = (row * side + column) * 3
      const to = (row * side + side - 1 - column) * 3
      result[to] = pixels[from]!
      result[to + 1] = pixels[from + 1]!
      result[to + 2] = pixels[from + 2]!
    }
  }
  return result
}

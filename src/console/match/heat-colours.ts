/** The colours of a heat map: places that raise the score are warm, those that lower it are blue. Pure. */

/** Red, green, blue and opacity per place, 0 to 255, row by row. */
export function heatPixels(grid: readonly (readonly number[])[]): Uint8ClampedArray<ArrayBuffer> {
  const values = grid.flat()
  const strongest = Math.max(1e-9, ...values.map(Math.abs))
  const pixels = new Uint8ClampedArray(4 * values.length)
  values.forEach((value, place) => {
    const strength = Math.abs(value) / strongest
    const [low, high] = value >= 0 ? warm : cold
    for (let channel = 0; channel < 3; channel++)
      pixels[4 * place + channel] = low[channel]! + (high[channel]! - low[channel]!) * strength
    // weak places are more transparent
    pixels[4 * place + 3] = 230 * strength ** 1.6
  })
  return pixels
}

const warm = [
  [140, 30, 120],
  [255, 196, 40],
] as const
const cold = [
  [40, 60, 160],
  [90, 190, 255],
] as const

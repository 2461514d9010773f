/** Reduces decoded pixels by area averaging, which is faster than a pipeline for a small picture. */
import { nativePixels, type Parts } from '../pixels/native-pixels.js'
import type { SizedRgb } from './decoder.js'

interface Size {
  width: number
  height: number
}

/** The size that fits into a square of `maxSide`, never enlarged. */
export function sizeWithin({ width, height }: Size, maxSide: number): Size {
  const scale = Math.min(1, maxSide / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** @param to no larger in either direction; the same size returns the same picture */
export function reduced(image: SizedRgb, to: Size): SizedRgb {
  if (image.width === to.width && image.height === to.height) return image
  const columns = partsOf(image.width, to.width)
  const rows = partsOf(image.height, to.height)
  const rgb = new Uint8Array(to.width * to.height * 3)
  nativePixels.average(image.rgb, image.width, image.height, ...columns, ...rows, rgb)
  return { rgb, ...to }
}

/** The parts of a line that new pixels cover; their weights have a sum of 1. */
function partsOf(from: number, to: number): Parts {
  const length = from / to
  const [first, last] = [new Int32Array(to), new Int32Array(to)]
  const [head, tail] = [new Float32Array(to), new Float32Array(to)]
  for (let i = 0; i < to; i++) {
    const [start, end] = [i * length, Math.min(from, (i + 1) * length)]
    const begin = Math.floor(start)
    first[i] = begin
    last[i] = Math.max(begin, Math.min(from - 1, Math.ceil(end) - 1))
    head[i] = (Math.min(begin + 1, end) - start) / length
    tail[i] = last[i] === begin ? 0 : (end - last[i]!) / length
  }
  return [first, last, head, tail, 1 / length]
}

/** Reduces decoded pixels by area averaging, which is faster than a pipeline for a small picture. */
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
  const columns = spansOf(image.width, to.width)
  const rows = spansOf(image.height, to.height)
  const rgb = new Uint8Array(to.width * to.height * 3)
  const sums = new Float32Array(image.width * 3)
  for (let row = 0; row < to.height; row++) {
    sumRows(image.rgb, rows, row, sums)
    averageColumns(sums, columns, rgb.subarray(row * to.width * 3, (row + 1) * to.width * 3))
  }
  return { rgb, ...to }
}

/**
 * The part of a line covered by each new pixel: from `first` with weight `head` to `last` with weight `tail`, weight 1
 * in between; weights are normalised to a sum of 1.
 */
interface Spans {
  first: Int32Array
  last: Int32Array
  head: Float32Array
  tail: Float32Array
  inner: number
}

function spansOf(from: number, to: number): Spans {
  const length = from / to
  const spans: Spans = {
    first: new Int32Array(to),
    last: new Int32Array(to),
    head: new Float32Array(to),
    tail: new Float32Array(to),
    inner: 1 / length,
  }
  for (let i = 0; i < to; i++) {
    const [start, end] = [i * length, Math.min(from, (i + 1) * length)]
    const first = Math.floor(start)
    const last = Math.max(first, Math.min(from - 1, Math.ceil(end) - 1))
    spans.first[i] = first
    spans.last[i] = last
    spans.head[i] = (Math.min(first + 1, end) - start) / length
    spans.tail[i] = last === first ? 0 : (end - last) / length
  }
  return spans
}

function sumRows(rgb: Uint8Array, { first, last, head, tail, inner }: Spans, row: number, sums: Float32Array): void {
  const samples = sums.length
  const from = first[row]!
  const to = last[row]!
  const weight = head[row]!
  for (let i = 0, at = from * samples; i < samples; i++, at++) sums[i] = weight * rgb[at]!
  for (let line = from + 1; line <= to; line++) addLine(rgb, line * samples, line === to ? tail[row]! : inner, sums)
}

function addLine(rgb: Uint8Array, from: number, weight: number, sums: Float32Array): void {
  for (let i = 0, at = from; i < sums.length; i++, at++) sums[i] = sums[i]! + weight * rgb[at]!
}

function averageColumns(sums: Float32Array, { first, last, head, tail, inner }: Spans, into: Uint8Array): void {
  for (let column = 0, at = 0; at < into.length; column++, at += 3) {
    const end = last[column]! * 3
    let i = first[column]! * 3
    let weight = head[column]!
    let red = weight * sums[i]! + 0.5
    let green = weight * sums[i + 1]! + 0.5
    let blue = weight * sums[i + 2]! + 0.5
    for (i += 3; i < end; i += 3) {
      red += inner * sums[i]!
      green += inner * sums[i + 1]!
      blue += inner * sums[i + 2]!
    }
    if (i === end) {
      weight = tail[column]!
      red += weight * sums[i]!
      green += weight * sums[i + 1]!
      blue += weight * sums[i + 2]!
    }
    into[at] = red
    into[at + 1] = green
    into[at + 2] = blue
  }
}

/** TensorFlow's padding modes as explicit numbers, the form ONNX expects. */

/** Rows or columns added before and after. */
export type Pad = [before: number, after: number]

/**
 * TensorFlow's `same`: ⌈size / stride⌉ outputs. An odd remainder goes to the end, so strided windows start elsewhere
 * than in frameworks with symmetric padding.
 */
export function samePad(size: number, window: number, stride: number, dilation = 1): Pad {
  const extent = (window - 1) * dilation + 1
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0)
  return [Math.floor(total / 2), total - Math.floor(total / 2)]
}

/** ONNX order: first all begins, then all ends. */
export function toOnnxPads([top, bottom]: Pad, [left, right]: Pad): number[] {
  return [top, left, bottom, right]
}

/** TensorFlow's paddings as explicit numbers, the form that ONNX takes. */

/** Rows or columns added before and after. */
export type Pad = [before: number, after: number]

/**
 * `same` of TensorFlow: ⌈size / stride⌉ outputs; an odd rest goes to the end, so strided windows
 * start elsewhere than in frameworks that pad evenly.
 */
export function samePad(size: number, window: number, stride: number, dilation = 1): Pad {
  const extent = (window - 1) * dilation + 1
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0)
  return [Math.floor(total / 2), total - Math.floor(total / 2)]
}

/** ONNX order: all begins, then all ends. */
export function toOnnxPads([top, bottom]: Pad, [left, right]: Pad): number[] {
  return [top, left, bottom, right]
}

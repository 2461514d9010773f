/** The one gradient kernel that training needs and the WASM backend lacks, composed of kernels that it has. */
import * as tf from '@tensorflow/tfjs-core'

interface FilterGradientAttributes {
  strides: number | [number, number]
  pad: 'valid' | 'same' | number | [[number, number], [number, number], [number, number], [number, number]]
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
  filterShape: [number, number, number, number]
}

/**
 * Gradient of a convolution with respect to its filter: for each position (row, column) in the filter, the inputs under
 * that position, as rows [N·H·W, in], transposed and multiplied by the gradients [N·H·W, out].
 */
export function registerWasmGradients(): void {
  if (tf.getKernel(tf.Conv2DBackpropFilter, 'wasm') != null) return
  tf.registerKernel({
    kernelName: tf.Conv2DBackpropFilter,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => {
      const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D }
      return filterGradient(x, dy, attrs as unknown as FilterGradientAttributes)
    },
  })
}

function filterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  { strides, pad, dimRoundingMode, filterShape }: FilterGradientAttributes,
): tf.Tensor4D {
  return tf.tidy(() => {
    const [rows, columns, inputs, outputs] = filterShape
    const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode)
    const { top, bottom, left, right } = info.padInfo
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]) as tf.Tensor4D
    const { batchSize, outHeight, outWidth, strideHeight, strideWidth } = info
    const gradients = tf.reshape(dy, [-1, outputs]) as tf.Tensor2D // [N·H·W, out]

    const places: tf.Tensor2D[] = []
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const end = [
          batchSize,
          row + (outHeight - 1) * strideHeight + 1,
          column + (outWidth - 1) * strideWidth + 1,
          inputs,
        ]
        const under = tf.stridedSlice(padded, [0, row, column, 0], end, [1, strideHeight, strideWidth, 1]) // [N, H, W, in]
        places.push(tf.matMul(tf.reshape(under, [-1, inputs]) as tf.Tensor2D, gradients, true))
      }
    }
    return tf.reshape(tf.stack(places), filterShape) as tf.Tensor4D
  })
}

/** The gradient kernels that training needs and the WASM backend lacks, composed of kernels that it has. */
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
  registerDepthwiseGradients()
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

interface DepthwiseAttributes {
  strides: number | [number, number]
  pad: 'valid' | 'same' | number
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/** For filters [rows, columns, channels, 1] without dilation. */
function registerDepthwiseGradients(): void {
  if (tf.getKernel(tf.DepthwiseConv2dNativeBackpropFilter, 'wasm') != null) return
  tf.registerKernel({
    kernelName: tf.DepthwiseConv2dNativeBackpropFilter,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => {
      const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D }
      const { filterShape, ...shape } = attrs as unknown as DepthwiseAttributes & { filterShape: Shape4 }
      return depthwiseFilterGradient(x, dy, filterShape, shape)
    },
  })
  tf.registerKernel({
    kernelName: tf.DepthwiseConv2dNativeBackpropInput,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => {
      const { dy, filter } = inputs as unknown as { dy: tf.Tensor4D; filter: tf.Tensor4D }
      const { inputShape, ...shape } = attrs as unknown as DepthwiseAttributes & { inputShape: Shape4 }
      return depthwiseInputGradient(dy, filter, inputShape, shape)
    },
  })
}

type Shape4 = [number, number, number, number]

function depthwiseInfo(input: Shape4, filter: Shape4, { strides, pad, dimRoundingMode }: DepthwiseAttributes) {
  return tf.backend_util.computeConv2DInfo(input, filter, strides, 1, pad, dimRoundingMode, true)
}

/** For each position in the filter and channel, the sum of the inputs under it times the gradients. */
function depthwiseFilterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  filterShape: Shape4,
  attributes: DepthwiseAttributes,
): tf.Tensor4D {
  return tf.tidy(() => {
    const [rows, columns, channels] = filterShape
    const { padInfo, batchSize, outHeight, outWidth, strideHeight, strideWidth } = depthwiseInfo(
      x.shape,
      filterShape,
      attributes,
    )
    const padded = tf.pad(x, [
      [0, 0],
      [padInfo.top, padInfo.bottom],
      [padInfo.left, padInfo.right],
      [0, 0],
    ])
    const places: tf.Tensor[] = []
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const end = [row + (outHeight - 1) * strideHeight + 1, column + (outWidth - 1) * strideWidth + 1]
        const steps = [1, strideHeight, strideWidth, 1]
        const under = tf.stridedSlice(padded, [0, row, column, 0], [batchSize, ...end, channels], steps)
        places.push(tf.sum(tf.mul(under, dy), [0, 1, 2]))
      }
    }
    return tf.reshape(tf.stack(places), filterShape) as tf.Tensor4D
  })
}

/** Each gradient, times the filter, goes to the inputs that it was computed from. */
function depthwiseInputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  inputShape: Shape4,
  attributes: DepthwiseAttributes,
): tf.Tensor4D {
  return tf.tidy(() => {
    const [rows, columns, channels] = filter.shape
    const { padInfo, strideHeight, strideWidth } = depthwiseInfo(inputShape, filter.shape, attributes)
    const height = inputShape[1] + padInfo.top + padInfo.bottom
    const width = inputShape[2] + padInfo.left + padInfo.right
    const spread = spreadOut(spreadOut(dy, 1, strideHeight), 2, strideWidth)
    const weights = tf.unstack(tf.reshape(filter, [rows * columns, channels]))
    const parts = weights.map((weight, place) => {
      const [top, left] = [Math.floor(place / columns), place % columns]
      const [bottom, right] = [height - top - spread.shape[1], width - left - spread.shape[2]]
      return tf.pad(tf.mul(spread, weight), [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ])
    })
    return tf.slice(tf.addN(parts), [0, padInfo.top, padInfo.left, 0], inputShape) as tf.Tensor4D
  })
}

/** Puts `stride` − 1 zeros between neighbours along an axis. */
function spreadOut(x: tf.Tensor4D, axis: 1 | 2, stride: number): tf.Tensor4D {
  if (stride === 1) return x
  const zeros = tf.zerosLike(x)
  const apart = tf.stack([x, ...Array.from({ length: stride - 1 }, () => zeros)], axis + 1)
  const shape = x.shape.map((size, at) => (at === axis ? size * stride : size)) as Shape4
  const size = x.shape.map((length, at) => (at === axis ? (length - 1) * stride + 1 : length)) as Shape4
  return tf.slice(tf.reshape(apart, shape) as tf.Tensor4D, [0, 0, 0, 0], size)
}

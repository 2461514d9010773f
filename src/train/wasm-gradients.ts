/** The gradient kernels that training needs and the WASM backend lacks, composed of kernels that it has. */
import * as tf from '@tensorflow/tfjs-core'

type Shape = [number, number, number, number]
type Info = tf.backend_util.Conv2DInfo

interface Convolution {
  strides: number | [number, number]
  pad: 'valid' | 'same' | number | [[number, number], [number, number], [number, number], [number, number]]
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/** Depthwise ones for filters [rows, columns, channels, 1] without dilation. */
export function registerWasmGradients(): void {
  register<'x' | 'dy', { filterShape: Shape }>(tf.Conv2DBackpropFilter, ({ x, dy }, { filterShape, ...convolution }) =>
    filterGradient(x, dy, infoOf(x.shape, filterShape, convolution)),
  )
  register<'x' | 'dy', { filterShape: Shape }>(
    tf.DepthwiseConv2dNativeBackpropFilter,
    ({ x, dy }, { filterShape, ...convolution }) =>
      depthwiseFilterGradient(x, dy, infoOf(x.shape, filterShape, convolution, true)),
  )
  register<'dy' | 'filter', { inputShape: Shape }>(
    tf.DepthwiseConv2dNativeBackpropInput,
    ({ dy, filter }, { inputShape, ...convolution }) =>
      depthwiseInputGradient(dy, filter, infoOf(inputShape, filter.shape, convolution, true)),
  )
}

function register<Inputs extends string, Attributes>(
  kernelName: string,
  gradient: (inputs: Record<Inputs, tf.Tensor4D>, attributes: Attributes & Convolution) => tf.Tensor,
): void {
  if (tf.getKernel(kernelName, 'wasm') != null) return
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => tf.tidy(() => gradient(inputs as never, attrs as never)),
  })
}

function infoOf(input: Shape, filter: Shape, { strides, pad, dimRoundingMode }: Convolution, depthwise = false): Info {
  return tf.backend_util.computeConv2DInfo(input, filter, strides, 1, pad, dimRoundingMode, depthwise)
}

/** For each place in the filter the inputs under it, as rows [N·H·W, in], transposed and multiplied by the gradients. */
function filterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, info: Info): tf.Tensor {
  const gradients = tf.reshape(dy, [-1, info.outChannels]) as tf.Tensor2D // [N·H·W, out]
  const places = atEachPlace(x, info, (under) =>
    tf.matMul(tf.reshape(under, [-1, info.inChannels]) as tf.Tensor2D, gradients, true),
  )
  return tf.reshape(tf.stack(places), info.filterShape)
}

/** For each place in the filter and channel, the sum of the inputs under it times the gradients. */
function depthwiseFilterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, info: Info): tf.Tensor {
  const places = atEachPlace(x, info, (under) => tf.sum(tf.mul(under, dy), [0, 1, 2]))
  return tf.reshape(tf.stack(places), info.filterShape)
}

/**
 * Place by place through the filter, row by row.
 * @param of gets the inputs that the place lay on, one for each output [N, H, W, in]
 */
function atEachPlace(x: tf.Tensor4D, info: Info, of: (under: tf.Tensor4D) => tf.Tensor): tf.Tensor[] {
  const { padInfo, filterHeight, filterWidth, batchSize, outHeight, outWidth, strideHeight, strideWidth } = info
  const padded = padAround(x, padInfo)
  return Array.from({ length: filterHeight * filterWidth }, (_, place) => {
    const [row, column] = [Math.floor(place / filterWidth), place % filterWidth]
    const end = [row + (outHeight - 1) * strideHeight + 1, column + (outWidth - 1) * strideWidth + 1]
    const steps = [1, strideHeight, strideWidth, 1]
    return tf.tidy(() =>
      of(tf.stridedSlice(padded, [0, row, column, 0], [batchSize, ...end, info.inChannels], steps) as tf.Tensor4D),
    )
  })
}

/** Each gradient, times the filter, goes to the inputs that it was computed from. */
function depthwiseInputGradient(dy: tf.Tensor4D, filter: tf.Tensor4D, info: Info): tf.Tensor {
  const { padInfo, filterHeight, filterWidth, inHeight, inWidth, inChannels, strideHeight, strideWidth } = info
  const height = inHeight + padInfo.top + padInfo.bottom
  const width = inWidth + padInfo.left + padInfo.right
  const spread = spreadOut(spreadOut(dy, 1, strideHeight), 2, strideWidth)
  const weights = tf.unstack(tf.reshape(filter, [filterHeight * filterWidth, inChannels]))
  const parts = weights.map((weight, place) => {
    const [top, left] = [Math.floor(place / filterWidth), place % filterWidth]
    const [bottom, right] = [height - top - spread.shape[1], width - left - spread.shape[2]]
    return padAround(tf.mul(spread, weight) as tf.Tensor4D, { top, bottom, left, right })
  })
  return tf.slice(tf.addN(parts), [0, padInfo.top, padInfo.left, 0], info.inShape)
}

type Sides = Record<'top' | 'bottom' | 'left' | 'right', number>

function padAround(x: tf.Tensor4D, { top, bottom, left, right }: Sides): tf.Tensor4D {
  return tf.pad(x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ])
}

/** Puts `stride` − 1 zeros between neighbours along an axis. */
function spreadOut(x: tf.Tensor4D, axis: 1 | 2, stride: number): tf.Tensor4D {
  if (stride === 1) return x
  const zeros = tf.zerosLike(x)
  const apart = tf.stack([x, ...Array.from({ length: stride - 1 }, () => zeros)], axis + 1)
  const shape = x.shape.map((size, at) => (at === axis ? size * stride : size)) as Shape
  const size = x.shape.map((length, at) => (at === axis ? (length - 1) * stride + 1 : length)) as Shape
  return tf.slice(tf.reshape(apart, shape) as tf.Tensor4D, [0, 0, 0, 0], size)
}

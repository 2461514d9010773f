/** TensorFlow kernels that tfjs does not use, with their gradients. Native backend only. */
import * as tf from '@tensorflow/tfjs-core'
import type { NativeBackend, OperationAttribute } from './native-backend.js'

/** The addon's constants, by name. */
type Binding = Record<
  'TF_ATTR_TYPE' | 'TF_ATTR_FLOAT' | 'TF_ATTR_STRING' | 'TF_ATTR_BOOL' | 'TF_FLOAT' | 'TF_INT32' | 'TF_BOOL',
  number
>

function nativeBackend(): { backend: NativeBackend; binding: Binding } {
  const backend = tf.backend() as NativeBackend & { binding: Binding }
  return { backend, binding: backend.binding }
}

/**
 * Parameters of a batch normalisation layer: scale and offset [C], and the epsilon that keeps the divisor above zero.
 */
export interface BatchNorm {
  gamma: tf.Tensor1D
  beta: tf.Tensor1D
  epsilon: number
}

function batchNormAttributes(binding: Binding, epsilon: number, training = true): OperationAttribute[] {
  return [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'U', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'epsilon', type: binding.TF_ATTR_FLOAT, value: epsilon },
    { name: 'data_format', type: binding.TF_ATTR_STRING, value: 'NHWC' },
    { name: 'is_training', type: binding.TF_ATTR_BOOL, value: training },
  ]
}

/**
 * Batch normalisation with the batch's own statistics.
 * @param follow receives the batch's mean and variance [C] for the moving statistics; they are valid only during the
 * call
 */
export function fusedBatchNorm(
  x: tf.Tensor4D,
  { gamma, beta, epsilon }: BatchNorm,
  follow: (mean: tf.Tensor1D, variance: tf.Tensor1D) => void,
): tf.Tensor4D {
  const { backend, binding } = nativeBackend()
  const attributes = batchNormAttributes(binding, epsilon)
  const operation = tf.customGrad((...args) => {
    const [input, scale, offset, save] = args as unknown as [
      tf.Tensor4D,
      tf.Tensor1D,
      tf.Tensor1D,
      (tensors: tf.Tensor[]) => void,
    ]
    const none = tf.zeros([0])
    const averaging = { name: 'exponential_avg_factor', type: binding.TF_ATTR_FLOAT, value: 1 }
    const outputs = backend.executeMultipleOutputs(
      'FusedBatchNormV3',
      [...attributes, averaging],
      [input, scale, offset, none, none],
      6,
    )
    const [value, mean, variance, savedMean, savedVariance, reserve] = outputs as [
      tf.Tensor4D,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ]
    follow(mean, variance)
    save([input, scale, savedMean, savedVariance, reserve])
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] =>
      backend.executeMultipleOutputs('FusedBatchNormGradV3', attributes, [dy, ...saved], 5).slice(0, 3)
    return { value, gradFunc }
  })
  return operation(x, gamma, beta) as tf.Tensor4D
}

/**
 * Batch normalisation with fixed statistics, whose gradient would take tfjs a dozen passes over memory. The statistics
 * themselves get no gradient.
 */
export function frozenBatchNorm(
  x: tf.Tensor4D,
  { gamma, beta, epsilon }: BatchNorm,
  { mean, variance }: { mean: tf.Tensor1D; variance: tf.Tensor1D },
): tf.Tensor4D {
  const { backend, binding } = nativeBackend()
  const attributes = batchNormAttributes(binding, epsilon, false)
  const operation = tf.customGrad((...args) => {
    const [input, scale, offset, save] = args as unknown as [
      tf.Tensor4D,
      tf.Tensor1D,
      tf.Tensor1D,
      (tensors: tf.Tensor[]) => void,
    ]
    const [value] = backend.executeMultipleOutputs(
      'FusedBatchNormV3',
      attributes,
      [input, scale, offset, mean, variance],
      6,
    )
    save([input, scale])
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] =>
      backend
        .executeMultipleOutputs('FusedBatchNormGradV3', attributes, [dy, ...saved, mean, variance, tf.zeros([0])], 5)
        .slice(0, 3)
    return { value: value as tf.Tensor4D, gradFunc }
  })
  return operation(x, gamma, beta) as tf.Tensor4D
}

/**
 * Registers the gradient of ReLU as one kernel instead of three passes over memory. tfjs keeps one gradient for all
 * backends.
 */
export function registerFusedGradients(): void {
  tf.unregisterGradient('Relu')
  tf.registerGradient({
    kernelName: 'Relu',
    outputsToSave: [true],
    gradFunc: (dy, saved) => ({ x: () => reluGradient(dy as tf.Tensor, saved[0]!) }),
  })
  registerRelu6()
  registerReshape()
  // tfjs multiplies by ones of the input's shape, which it creates on the processor and sends to the device: for the
  // mean of a
  // map over a whole batch, that is half of a step's time
  for (const [kernelName, share] of [
    ['Mean', (count: number) => 1 / count],
    ['Sum', () => 1],
  ] as const) {
    tf.unregisterGradient(kernelName)
    tf.registerGradient({
      kernelName,
      inputsToSave: ['x'],
      gradFunc: (dy, saved, attributes) => ({
        x: () =>
          spread(dy as tf.Tensor, saved[0]!.shape, (attributes as unknown as { axis: number | number[] }).axis, share),
      }),
    })
  }
}

/**
 * Half of a step's operations are reshapes. Each new shape is sent to the device once instead of with every operation.
 */
function registerReshape(): void {
  const shapes = new Map<string, tf.Tensor>()
  tf.unregisterKernel('Reshape', 'tensorflow')
  tf.registerKernel({
    kernelName: 'Reshape',
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs }) => {
      const { backend, binding } = nativeBackend()
      const x = inputs['x'] as tf.Tensor
      const { shape } = attrs as { shape: number[] }
      const key = shape.join()
      const wanted = shapes.get(key) ?? tf.keep(tf.tensor1d(shape, 'int32'))
      shapes.set(key, wanted)
      const type = x.dtype === 'float32' ? binding.TF_FLOAT : x.dtype === 'bool' ? binding.TF_BOOL : binding.TF_INT32
      const attributes = [
        { name: 'T', type: binding.TF_ATTR_TYPE, value: type },
        { name: 'Tshape', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
      ]
      return backend.executeMultipleOutputs('Reshape', attributes, [x, wanted], 1)[0]!
    },
  })
}

/**
 * tfjs treats ReLU6 as a clip with two constants, whose gradient takes five passes over memory; TensorFlow has one
 * kernel in each direction.
 */
function registerRelu6(): void {
  const limits = (attributes: unknown) => attributes as { clipValueMin: number; clipValueMax: number }
  const isRelu6 = ({ clipValueMin, clipValueMax }: ReturnType<typeof limits>) =>
    clipValueMin === 0 && clipValueMax === 6
  const original = tf.getKernel('ClipByValue', 'tensorflow')
  tf.unregisterKernel('ClipByValue', 'tensorflow')
  tf.registerKernel({
    ...original,
    kernelFunc: (call) =>
      isRelu6(limits(call.attrs)) ? elementwise('Relu6', [call.inputs['x'] as tf.Tensor]) : original.kernelFunc(call),
  })
  const { gradFunc } = tf.getGradient('ClipByValue')
  tf.unregisterGradient('ClipByValue')
  tf.registerGradient({
    kernelName: 'ClipByValue',
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attributes) =>
      isRelu6(limits(attributes)) && tf.getBackend() === 'tensorflow'
        ? { x: () => elementwise('Relu6Grad', [dy as tf.Tensor, saved[0]!]) }
        : gradFunc(dy, saved, attributes),
  })
}

/** The gradient of a reduction: the same value for every input element. */
function spread(dy: tf.Tensor, shape: number[], axis: number | number[], share: (count: number) => number): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis, shape)
  const count = axes.reduce((product, at) => product * shape[at]!, 1)
  const kept = tf.reshape(
    dy,
    shape.map((size, at) => (axes.includes(at) ? 1 : size)),
  )
  return tf.tile(
    tf.mul(kept, share(count)),
    shape.map((size, at) => (axes.includes(at) ? size : 1)),
  )
}

/** @param y output of the ReLU; it is positive exactly where its input was */
function reluGradient(dy: tf.Tensor, y: tf.Tensor): tf.Tensor {
  if (tf.getBackend() !== 'tensorflow') return tf.mul(dy, tf.step(y))
  return elementwise('ReluGrad', [dy, y])
}

/** An operation on float32 with one result and no attribute but its type. */
function elementwise(name: string, inputs: tf.Tensor[]): tf.Tensor {
  const { backend, binding } = nativeBackend()
  return backend.executeMultipleOutputs(
    name,
    [{ name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }],
    inputs,
    1,
  )[0]!
}

/** TensorFlow kernels that tfjs does not use itself, with their gradients. Native backend only. */
import * as tf from '@tensorflow/tfjs-core'
import type { NativeBackend, OperationAttribute } from './native-backend.js'

/** The constants of the addon, by name. */
type Binding = Record<'TF_ATTR_TYPE' | 'TF_ATTR_FLOAT' | 'TF_ATTR_STRING' | 'TF_ATTR_BOOL' | 'TF_FLOAT', number>

function nativeBackend(): { backend: NativeBackend; binding: Binding } {
  const backend = tf.backend() as NativeBackend & { binding: Binding }
  return { backend, binding: backend.binding }
}

function batchNormAttributes(binding: Binding, epsilon: number): OperationAttribute[] {
  return [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'U', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'epsilon', type: binding.TF_ATTR_FLOAT, value: epsilon },
    { name: 'data_format', type: binding.TF_ATTR_STRING, value: 'NHWC' },
    { name: 'is_training', type: binding.TF_ATTR_BOOL, value: true },
  ]
}

/**
 * Batch normalisation with the batch's own statistics.
 * @param follow is handed the batch's mean and variance [C] for the moving statistics; they live only during the call.
 */
export function fusedBatchNorm(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  epsilon: number,
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

/** The gradient of ReLU as one kernel instead of three passes over memory. tfjs keeps one gradient for all backends. */
export function registerFusedGradients(): void {
  tf.unregisterGradient('Relu')
  tf.registerGradient({
    kernelName: 'Relu',
    outputsToSave: [true],
    gradFunc: (dy, saved) => ({ x: () => reluGradient(dy as tf.Tensor, saved[0]!) }),
  })
  // tfjs multiplies by ones of the input's shape, which it makes on the processor and sends to the device: for the mean of a
  // map of a whole batch that is half of a step
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

/** The gradient of a reduction: the same for every number that went into it. */
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

/** @param y output of the ReLU; it is positive where its input was */
function reluGradient(dy: tf.Tensor, y: tf.Tensor): tf.Tensor {
  if (tf.getBackend() !== 'tensorflow') return tf.mul(dy, tf.step(y))
  const { backend, binding } = nativeBackend()
  return backend.executeMultipleOutputs(
    'ReluGrad',
    [{ name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }],
    [dy, y],
    1,
  )[0]!
}

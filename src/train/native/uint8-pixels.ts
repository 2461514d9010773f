/**
 * Sends bytes to the device as bytes, a quarter of the size of floats, and converts them there. Native backend only.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { NativeBackend, OperationAttribute } from './native-backend.js'

interface Handle {
  id: number
}

interface Addon extends Record<'TF_ATTR_TYPE' | 'TF_ATTR_BOOL' | 'TF_FLOAT' | 'TF_UINT8', number> {
  createTensor(shape: readonly number[], type: number, values: Uint8Array): number
  executeOp(
    name: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): Handle[]
  deleteTensor(id: number): void
}

/** float32 of the given shape, with the values of the bytes. */
export function floatsOfBytes(bytes: Uint8Array, shape: readonly number[]): tf.Tensor {
  const backend = tf.backend() as NativeBackend & { binding: Addon; createOutputTensor(handle: Handle): tf.Tensor }
  const { binding } = backend
  const id = binding.createTensor(shape, binding.TF_UINT8, bytes)
  const attributes = [
    { name: 'SrcT', type: binding.TF_ATTR_TYPE, value: binding.TF_UINT8 },
    { name: 'DstT', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'Truncate', type: binding.TF_ATTR_BOOL, value: false },
  ]
  const [floats] = binding.executeOp('Cast', attributes, [id], 1)
  binding.deleteTensor(id)
  return backend.createOutputTensor(floats!)
}

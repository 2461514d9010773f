/**
 * Convolutions and their gradients in bfloat16, on processors that multiply it twice as fast as float32: inputs are
 * rounded for this operation only, sums inside it are kept in float32, and weights and intermediate values stay
 * float32.
 */
import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import { AlikeError } from '../../errors.js'
import { type NativeBackend, nativeDevice, type OperationAttribute } from './native-backend.js'

export type ConvolutionPrecision = 'float32' | 'bfloat16'

/** TensorFlow's number of the type; the addon has no name for it but passes it through. */
const bfloat16 = 14

/** The second input of the gradients is a list of sizes. */
const operations = new Set(['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'])

/** The addon's representation of a tensor. */
interface Handle {
  id: number
  shape: number[]
  dtype: number
}

interface Addon extends Record<string, unknown> {
  TF_ATTR_TYPE: number
  TF_ATTR_BOOL: number
  TF_FLOAT: number
  executeOp(
    name: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): Handle[]
  deleteTensor(id: number): void
}

interface Internals extends NativeBackend {
  binding: Addon
  executeSingleOutput(name: string, attributes: OperationAttribute[], inputs: tf.Tensor[]): tf.Tensor
  getInputTensorIds(inputs: tf.Tensor[]): number[]
  createOutputTensor(handle: Handle): tf.Tensor
}

/** Whether the processor has instructions for it; without them bfloat16 would be slower. GPUs are not considered. */
function hasFastBfloat16(): boolean {
  try {
    return /\b(avx512_bf16|amx_bf16)\b/.test(readFileSync('/proc/cpuinfo', 'latin1'))
  } catch {
    return false
  }
}

/**
 * Applies to everything the native backend computes from now on; other backends support float32 only.
 * @returns the precision in use
 * @throws AlikeError `backend_unavailable` if the backend does not support it
 */
export function setConvolutionPrecision(wanted: ConvolutionPrecision | 'auto'): ConvolutionPrecision {
  if (tf.getBackend() !== 'tensorflow') {
    if (wanted === 'bfloat16')
      throw new AlikeError('backend_unavailable', {
        detail: `${tf.getBackend()} has no bfloat16; npm run train:setup builds a backend that has it.`,
      })
    return 'float32'
  }
  const precision =
    wanted === 'auto' ? (nativeDevice() === 'cpu' && hasFastBfloat16() ? 'bfloat16' : 'float32') : wanted
  const backend = tf.backend() as Internals
  // deleting the instance's own method restores that of the class
  if (precision === 'float32') delete (backend as Partial<Internals>).executeSingleOutput
  else backend.executeSingleOutput = roundingConvolutions(backend, Object.getPrototypeOf(backend) as Internals)
  return precision
}

function roundingConvolutions(backend: Internals, plain: Internals): Internals['executeSingleOutput'] {
  const { binding } = backend
  const cast = (id: number, from: number, to: number): Handle =>
    binding.executeOp(
      'Cast',
      [
        { name: 'SrcT', type: binding.TF_ATTR_TYPE, value: from },
        { name: 'DstT', type: binding.TF_ATTR_TYPE, value: to },
        { name: 'Truncate', type: binding.TF_ATTR_BOOL, value: false },
      ],
      [id],
      1,
    )[0]!
  return (name, attributes, inputs) => {
    if (!operations.has(name)) return plain.executeSingleOutput.call(backend, name, attributes, inputs)
    const ids = backend.getInputTensorIds(inputs)
    const rounded = ids.map((id, i) => (inputs[i]!.dtype === 'float32' ? cast(id, binding.TF_FLOAT, bfloat16).id : id))
    const typed = attributes.map((attribute) =>
      attribute.name === 'T' ? { ...attribute, value: bfloat16 } : attribute,
    )
    const output = binding.executeOp(name, typed, rounded, 1)[0]!
    const value = cast(output.id, bfloat16, binding.TF_FLOAT)
    for (const id of [output.id, ...rounded.filter((own, i) => own !== ids[i])]) binding.deleteTensor(id)
    return backend.createOutputTensor(value)
  }
}

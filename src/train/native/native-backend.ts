/** Registers the native TensorFlow kernels built by `npm run train:setup` as the tfjs backend `tensorflow`. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'

/** Inside the package root, so that Node's upward resolution finds the project's own tfjs-core. */
export const nativeFolder = resolve('.train/native')
export const nativePackage = join(nativeFolder, 'node_modules/@tensorflow/tfjs-node')

/** What we use of the addon's backend beyond the tfjs interface. */
export interface NativeBackend extends tf.KernelBackend {
  /** Runs one TensorFlow operation by name on whole tensors. */
  executeMultipleOutputs(
    name: string,
    attributes: OperationAttribute[],
    inputs: tf.Tensor[],
    outputs: number,
  ): tf.Tensor[]
  readonly isUsingGpuDevice: boolean
}

export interface OperationAttribute {
  name: string
  /** A constant of the binding, from `nativeBinding()`. */
  type: number
  value: unknown
}

interface NativeBackendModule {
  NodeJSKernelBackend: new (binding: unknown, packageName: string) => NativeBackend
}

/**
 * The device used by the native backend; `cpu` for the other backends. Without a driver, a CUDA build silently falls
 * back to the CPU.
 */
export function nativeDevice(): 'gpu' | 'cpu' {
  return (tf.backend() as NativeBackend).isUsingGpuDevice ? 'gpu' : 'cpu'
}

export const nativeIsBuilt = (): boolean => existsSync(join(nativePackage, 'lib/napi-v8/tfjs_binding.node'))

/** The addon itself; its TF_ATTR_* and TF_* constants name attribute and data types. */
function nativeBinding(): Record<string, number> {
  return createRequire(join(nativePackage, 'package.json'))('./lib/napi-v8/tfjs_binding.node') as Record<string, number>
}

/** Loads the addon directly; the union entry of the package starts with a download check. */
export function registerNativeBackend(): void {
  provideUtilities()
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  // allocate GPU memory only as needed
  process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true'
  // TensorFlow's default on processors with VNNI only; without it a training step gains as much (docs/training.md)
  process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '1'
  const require = createRequire(join(nativePackage, 'package.json'))
  require('./dist/register_all_kernels.js')
  const { NodeJSKernelBackend } = require('./dist/nodejs_kernel_backend.js') as NativeBackendModule
  tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(nativeBinding(), 'tfjs-node'), 3)
}

/** Two functions called by the addon's JavaScript that Node.js has removed or warns about. */
function provideUtilities(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>
  util['isNullOrUndefined'] = (value: unknown) => value === null || value === undefined
  util['isArray'] = Array.isArray
}

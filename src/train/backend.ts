/** Chooses the compute backend: native TensorFlow if installed, else WASM, else plain JavaScript. */
import * as tf from '@tensorflow/tfjs-core'
// imported for its side effect: it registers the gradients of the operations
import '@tensorflow/tfjs-layers'
import { AlikeError } from '../errors.js'
import { registerFusedGradients } from './native/fused-operations.js'
import { nativeDevice, nativeIsBuilt, registerNativeBackend } from './native/native-backend.js'
import { registerWasmGradients } from './wasm-gradients.js'

export const backends = ['tensorflow', 'wasm', 'cpu'] as const
export type Backend = (typeof backends)[number]

/** `tensorflow-gpu` is the native backend, refused if it would compute on the CPU. */
export const backendChoices = ['auto', 'tensorflow-gpu', ...backends] as const
export type BackendChoice = (typeof backendChoices)[number]

/**
 * Sets the backend for the process.
 * @param wanted a backend, or `auto` for the first one available
 * @returns the backend in use; for the native one `tensorflow (cpu)` or `tensorflow (gpu)`
 * @throws AlikeError `backend_unavailable`; `cuda_unavailable` if a GPU was asked for
 */
export async function chooseBackend(wanted: BackendChoice): Promise<string> {
  const candidates = wanted === 'auto' ? backends : [wanted === 'tensorflow-gpu' ? 'tensorflow' : wanted]
  for (const backend of candidates) {
    if (!(await tryBackend(backend))) continue
    if (backend !== 'tensorflow') return backend
    const device = nativeDevice()
    if (wanted === 'tensorflow-gpu' && device !== 'gpu')
      throw new AlikeError('cuda_unavailable', {
        detail:
          'TensorFlow finds no usable GPU: it needs the driver, and npm run train:setup -- --gpu builds it for GPUs.',
      })
    return `tensorflow (${device})`
  }
  const detail = {
    tensorflow: 'npm run train:setup builds it.',
    'tensorflow-gpu': 'npm run train:setup -- --gpu builds it.',
  }
  throw new AlikeError('backend_unavailable', { detail: detail[wanted as keyof typeof detail] })
}

/** What a run computes with; and, unless it was chosen, what would be faster. */
export function describeBackend(backend: string, wanted: BackendChoice): string {
  if (wanted !== 'auto' || backend.startsWith('tensorflow')) return backend
  return `${backend} (several times slower than native TensorFlow, which npm run train:setup builds)`
}

async function tryBackend(backend: Backend): Promise<boolean> {
  if (tf.getBackend() === backend) return true
  if (tf.findBackendFactory(backend) == null && !(await register(backend))) return false
  return tf.setBackend(backend)
}

async function register(backend: Backend): Promise<boolean> {
  if (backend === 'tensorflow') {
    if (!nativeIsBuilt()) return false
    registerNativeBackend()
    registerFusedGradients()
  } else if (backend === 'wasm') {
    await import('@tensorflow/tfjs-backend-wasm')
    registerWasmGradients()
  } else {
    await import('@tensorflow/tfjs-backend-cpu')
  }
  return true
}

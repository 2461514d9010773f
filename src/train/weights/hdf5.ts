/** Reads the tensors of Keras' HDF5 files. The only importer of h5wasm. */
import type { NamedTensor } from '../safetensors.js'

const signature = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1')

export function isHdf5(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, signature.length).equals(signature)
}

/** Every numeric dataset, named `layer.weight`: `conv1_conv/conv1_conv/kernel:0` becomes `conv1_conv.kernel`. */
export async function readHdf5(path: string): Promise<NamedTensor[]> {
  // loaded on demand: megabytes of WebAssembly that most runs never need
  const { Dataset, File, ready } = await import('h5wasm/node')
  await ready
  const file = new File(path, 'r')
  try {
    return file.paths().flatMap((name) => {
      const entity = file.get(name)
      if (!(entity instanceof Dataset)) return []
      const { value, shape } = entity
      if (shape === null || !(value instanceof Float32Array || value instanceof Float64Array)) return []
      return [{ name: tensorName(name), shape, values: Float32Array.from(value) }]
    })
  } finally {
    file.close()
  }
}

/** Whole-model files keep the same layout below `model_weights/`. */
function tensorName(path: string): string {
  const parts = path.split('/').filter((part) => part !== '')
  return `${parts.at(-2) ?? ''}.${(parts.at(-1) ?? '').replace(/:\d+$/, '')}`
}

/** Where ONNX Runtime's CUDA library is, and why the dynamic linker cannot load it. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Whether the package's install script, or an operator, has installed it: the package itself does not include it. */
export function isCudaInstalled(): boolean {
  return existsSync(cudaLibraryPath())
}

/** ONNX Runtime only says that it could not load the CUDA library; the dynamic linker says what is missing. */
export function missingLibrary(): string | undefined {
  try {
    process.dlopen({ exports: {} }, cudaLibraryPath())
  } catch (error) {
    // A library that loads fails too, because it is not a Node addon, but with another message.
    return /^.+: cannot open shared object file/.exec(error instanceof Error ? error.message : '')?.[0]
  }
  return undefined
}

function cudaLibraryPath(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
  return join(entry, '../../bin/napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so')
}

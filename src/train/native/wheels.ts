/** TensorFlow's Python wheel, and the CUDA libraries that it pins, as sources of native libraries: unzipped, never installed. */
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import yauzl from 'yauzl'
import { sha256OfFile } from '../../embedding/model-manifest.js'
import { execute } from './external-program.js'

/**
 * `gpu` uses CUDA 12.5 and cuDNN 9.3, which are also distributed as wheels; the machine needs only the driver. The
 * build contains code for compute capability 6.0 to 8.9 (Pascal to Ada) and 9.0 (Hopper); newer cards compile it at
 * their first start.
 */
export const wheels = {
  cpu: {
    requirement: 'tensorflow-cpu==2.15.1',
    sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
    size: '207 MB',
  },
  gpu: {
    requirement: 'tensorflow==2.19.1',
    sha256: '8e5524eb492160576e5eeea9bb472ddc653123503f2290f83123d5ac9545750e',
    size: '645 MB',
  },
}
export type NativeDevice = keyof typeof wheels

/** Pinned by the wheel but never loaded on a single card: collectives, the profiler, the compiler, random numbers. */
const unopened = /^nvidia-(nccl|cuda-cupti|cuda-nvcc|curand)-/
/** Attention, which no network here uses; a sixth of cuDNN. */
const unopenedLibrary = /\/libcudnn_adv\.so/

/** Parts of the wheel to keep: two libraries and the C headers that the addon includes. */
const librariesInWheel = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2']
const headerInWheel = /^tensorflow\/include\/((tensorflow|tensorflow\/tsl|tsl|xla\/tsl)\/c\/|.*\/platform\/ctstring)/

export async function downloadTensorFlow(device: NativeDevice, work: string): Promise<string> {
  const { requirement, sha256 } = wheels[device]
  const path = await downloadWheel(requirement, join(work, 'tensorflow'))
  if ((await sha256OfFile(path)) !== sha256) throw new Error('The wheel does not have the expected checksum.')
  return path
}

/** @param folder empty or missing @returns the wheel's path */
async function downloadWheel(requirement: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  execute('python3', [
    '-m',
    'pip',
    'download',
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--only-binary=:all:',
    '--implementation',
    'cp',
    '--python-version',
    '3.11',
    '--abi',
    'cp311',
    '--platform',
    'manylinux2014_x86_64',
    '--platform',
    'manylinux1_x86_64',
    '--dest',
    folder,
    requirement,
  ])
  return join(folder, (await readdir(folder)).find((name) => name.endsWith('.whl'))!)
}

/**
 * The CUDA libraries pinned by TensorFlow's wheel, placed where its libraries look for them: `deps/nvidia/<name>/lib`.
 */
export async function unpackCuda(
  tensorflow: string,
  work: string,
  deps: string,
  log: (line: string) => void,
): Promise<void> {
  const named = [
    ...(await metadataOf(tensorflow)).matchAll(
      /^Requires-Dist: (nvidia-[\w-]+) \(?(==[\d.]+)\)? *; *extra == 'and-cuda'/gm,
    ),
  ]
  const pinned = named.filter(([, name]) => !unopened.test(name!))
  if (pinned.length === 0) throw new Error('The wheel names no CUDA libraries.')
  for (const [index, [, name, version]] of pinned.entries()) {
    log(`    CUDA ${index + 1}/${pinned.length}: ${name} ${version}`)
    const path = await downloadWheel(`${name}${version}`, join(work, name!))
    await unpack(path, (entry) =>
      /^nvidia\/[^/]+\/lib\/[^/]+$/.test(entry) && !unopenedLibrary.test(entry) ? join(deps, entry) : undefined,
    )
    await rm(path)
  }
}

async function metadataOf(wheelPath: string): Promise<string> {
  const archive = await yauzl.openPromise(wheelPath)
  for await (const entry of archive.eachEntry()) {
    if (entry.fileName.endsWith('.dist-info/METADATA')) return text(await archive.openReadStreamPromise(entry))
  }
  throw new Error('The wheel has no METADATA.')
}

export async function unpackWheel(wheelPath: string, deps: string): Promise<void> {
  await unpack(wheelPath, (name) => {
    if (librariesInWheel.includes(name)) return join(deps, 'lib', name.split('/').at(-1)!)
    return headerInWheel.test(name) ? join(deps, 'include', name.slice('tensorflow/include/'.length)) : undefined
  })
}

/** @param targetOf maps an entry's name to its path; undefined skips the entry */
async function unpack(wheelPath: string, targetOf: (name: string) => string | undefined): Promise<void> {
  const archive = await yauzl.openPromise(wheelPath)
  for await (const entry of archive.eachEntry()) {
    const target = entry.fileName.endsWith('/') ? undefined : targetOf(entry.fileName)
    if (target === undefined) continue
    await mkdir(dirname(target), { recursive: true })
    await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(target))
  }
}

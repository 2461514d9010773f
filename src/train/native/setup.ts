/**
 * `npm run train:setup [-- --gpu]`: builds native TensorFlow for training in `.train/native`, outside the project's
 * dependencies.
 *
 * The vendor's package downloads its library from its own storage host during installation, which hangs or fails where
 * that host is unreachable. Here the same addon is assembled from two ordinary packages (its sources from npm, the
 * library from a Python wheel, unzipped but never installed) and one compiler call. Neither the service nor `npm ci`
 * needs any of it.
 */
import { spawnSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { access, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import yauzl from 'yauzl'
import { command, runCommand } from '../../command-line.js'
import { sha256OfFile } from '../../embedding/model-manifest.js'
import { nativeFolder, nativePackage } from './native-backend.js'

const addon = '@tensorflow/tfjs-node@4.22.0'
const headers = 'node-api-headers@1.5.0'
/** The addon's JavaScript loads it for TensorBoard summaries, which are not used here. */
const protobuf = 'google-protobuf@3.21.4'

/**
 * `gpu` uses CUDA 12.5 and cuDNN 9.3, which are also distributed as wheels; the machine needs only the driver. The
 * build contains code for compute capability 6.0 to 8.9 (Pascal to Ada) and 9.0 (Hopper); newer cards compile it at
 * their first start.
 */
const wheels = {
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

/** Builds the addon unless a finished build of the same versions exists. */
export async function setUpNative(device: NativeDevice, log: (line: string) => void): Promise<void> {
  const wheel = wheels[device]
  const stamp = join(nativeFolder, 'ready.json')
  const wanted = JSON.stringify({ addon, headers, protobuf, wheel, node: process.arch })
  if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted)
    return log(`native TensorFlow is set up in ${nativeFolder}`)
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('The native set-up is for x86-64 Linux; training runs on WASM elsewhere.')

  const work = join(nativeFolder, 'download')
  await rm(nativeFolder, { recursive: true, force: true })
  await mkdir(work, { recursive: true })
  await mkdir(dirname(nativePackage), { recursive: true })
  log(`1/4 ${addon}, ${headers} and ${protobuf}, sources only, no install scripts`)
  await unpackNpm(addon, work, nativePackage)
  await unpackNpm(protobuf, work, join(nativeFolder, 'node_modules/google-protobuf'))
  await unpackNpm(headers, work, join(work, 'headers'))
  log(`2/4 ${wheel.requirement}, ${wheel.size}`)
  const wheelPath = await downloadTensorFlow(device, work)
  log('3/4 libraries and headers from the wheel')
  await unpackWheel(wheelPath, join(nativePackage, 'deps'))
  await linkLibraries(join(nativePackage, 'deps/lib'))
  if (device === 'gpu') await unpackCuda(wheelPath, work, join(nativePackage, 'deps'), log)
  await writeSharedCore()
  log('4/4 compiling the addon')
  await compile(join(work, 'headers/include'))
  await rm(work, { recursive: true })
  await writeFile(stamp, wanted)
}

async function unpackNpm(specifier: string, work: string, target: string): Promise<void> {
  const file = execute('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', work, specifier])
    .trim()
    .split('\n')
    .at(-1)!
  await rm(join(work, 'package'), { recursive: true, force: true })
  execute('tar', ['-xzf', join(work, file), '-C', work, '--no-same-owner'])
  await rename(join(work, 'package'), target)
}

async function downloadTensorFlow(device: NativeDevice, work: string): Promise<string> {
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
async function unpackCuda(tensorflow: string, work: string, deps: string, log: (line: string) => void): Promise<void> {
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

async function unpackWheel(wheelPath: string, deps: string): Promise<void> {
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

/** The addon was linked against 2.9.1 names; debugging symbols would take 180 MB. */
async function linkLibraries(folder: string): Promise<void> {
  execute('strip', [
    '--strip-unneeded',
    join(folder, 'libtensorflow_cc.so.2'),
    join(folder, 'libtensorflow_framework.so.2'),
  ])
  for (const ending of ['', '.2', '.2.9.1']) {
    await symlink('libtensorflow_cc.so.2', join(folder, `libtensorflow.so${ending}`))
    if (ending !== '.2')
      await symlink('libtensorflow_framework.so.2', join(folder, `libtensorflow_framework.so${ending}`))
  }
}

/**
 * The addon imports the union package `@tensorflow/tfjs`. This stub re-exports the project's own core, found by Node's
 * upward resolution, so that kernels and networks share one instance.
 */
async function writeSharedCore(): Promise<void> {
  const folder = join(nativeFolder, 'node_modules/@tensorflow/tfjs')
  await mkdir(folder, { recursive: true })
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: '@tensorflow/tfjs', version: '4.22.0', main: 'index.js' }),
  )
  await writeFile(
    join(folder, 'index.js'),
    "module.exports = { ...require('@tensorflow/tfjs-layers'), ...require('@tensorflow/tfjs-core') }\n",
  )
}

async function compile(nodeApiInclude: string): Promise<void> {
  const output = join(nativePackage, 'lib/napi-v8')
  await mkdir(output, { recursive: true })
  execute('g++', [
    '-O2',
    '-s',
    '-fPIC',
    '-shared',
    '-std=c++17',
    '-DNAPI_VERSION=8',
    '-DNODE_GYP_MODULE_NAME=tfjs_binding',
    `-I${nodeApiInclude}`,
    `-I${join(nativePackage, 'deps/include')}`,
    `-I${join(nativePackage, 'binding')}`,
    join(nativePackage, 'binding/tfjs_backend.cc'),
    join(nativePackage, 'binding/tfjs_binding.cc'),
    `-L${join(nativePackage, 'deps/lib')}`,
    '-ltensorflow',
    '-ltensorflow_framework',
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
    '-o',
    join(output, 'tfjs_binding.node'),
  ])
  await access(join(output, 'tfjs_binding.node'))
}

function execute(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (error !== undefined)
    throw new Error(`${program} could not be started: it is needed for this set-up.`, { cause: error })
  if (status !== 0) {
    console.error(stderr.trimEnd())
    throw new Error(`${program} ended with status ${status}.`)
  }
  return stdout
}

async function run({ gpu }: { gpu: boolean }): Promise<void> {
  const start = performance.now()
  await setUpNative(gpu ? 'gpu' : 'cpu', (line) => console.log(line))
  console.log(`done in ${((performance.now() - start) / 1000).toFixed(0)} s`)
}

if (process.argv[1] !== undefined && pathToFileURL(resolve(process.argv[1])).href === import.meta.url) {
  await runCommand(
    command(
      'npm run train:setup --',
      'Sets up native TensorFlow for training; without it training runs on WASM, slowly.',
    )
      .option('--gpu', `with CUDA, for NVIDIA GPUs (${wheels.gpu.size} of TensorFlow and CUDA beside it)`, false)
      .action(run),
  )
}

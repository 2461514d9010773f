import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { command, runCommand } from '../../command-line.js'
import { execute } from './external-program.js'
import { nativeFolder, nativePackage } from './native-backend.js'
import { downloadTensorFlow, type NativeDevice, unpackCuda, unpackWheel, wheels } from './wheels.js'

const addon = '@tensorflow/tfjs-node@4.22.0'
const headers = 'node-api-headers@1.5.0'
/** The addon's JavaScript loads it for TensorBoard summaries, which are not used here. */
const protobuf = 'google-protobuf@3.21.4'
/** File in a finished build: what it was made of. */
const stamp = 'ready.json'

/** Builds the addon unless there is a finished build of the same versions; one of others stays until it succeeds. */
export async function setUpNative(device: NativeDevice, log: (line: string) => void): Promise<void> {
  const wheel = wheels[device]
  const wanted = JSON.stringify({ addon, headers, protobuf, wheel, node: process.arch })
  if ((await readFile(join(nativeFolder, stamp), 'utf8').catch(() => '')) === wanted)
    return log(`native TensorFlow is set up in ${nativeFolder}`)
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('The native set-up is for x86-64 Linux; training runs on WASM elsewhere.')

  const folder = `${nativeFolder}.part`
  await rm(folder, { recursive: true, force: true })
  await build(folder, device, log)
  await writeFile(join(folder, stamp), wanted)
  await rm(nativeFolder, { recursive: true, force: true })
  await rename(folder, nativeFolder)
}

/** @param folder is created; the build can be moved */
async function build(folder: string, device: NativeDevice, log: (line: string) => void): Promise<void> {
  const { requirement, size } = wheels[device]
  const [work, modules] = [join(folder, 'download'), join(folder, 'node_modules')]
  const target = join(folder, relative(nativeFolder, nativePackage))
  await mkdir(work, { recursive: true })
  await mkdir(dirname(target), { recursive: true })
  log(`1/4 ${addon}, ${headers} and ${protobuf}, sources only, no install scripts`)
  await unpackNpm(addon, work, target)
  await unpackNpm(protobuf, work, join(modules, 'google-protobuf'))
  await unpackNpm(headers, work, join(work, 'headers'))
  log(`2/4 ${requirement}, ${size}`)
  const wheelPath = await downloadTensorFlow(device, work)
  log('3/4 libraries and headers from the wheel')
  await unpackWheel(wheelPath, join(target, 'deps'))
  await linkLibraries(join(target, 'deps/lib'))
  if (device === 'gpu') await unpackCuda(wheelPath, work, join(target, 'deps'), log)
  await writeSharedCore(join(modules, '@tensorflow/tfjs'))
  log('4/4 compiling the addon')
  await compile(target, join(work, 'headers/include'))
  await rm(work, { recursive: true })
}

async function unpackNpm(specifier: string, work: string, target: string): Promise<void> {
  const file = execute('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', work, specifier])
    .trim()
    .split('\n')
    .at(-1)!
  await rm(join(work, 'package'), { recursive: true, force: true })
  execute('tar', ['-xzf', join(work, file), '-C', work, '--no-same-owner'])
  // Some archives are readable by their owner only, which npm corrects on install; the image is built as another user than it runs.
  execute('chmod', ['-R', 'a+rX', join(work, 'package')])
  await rename(join(work, 'package'), target)
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
async function writeSharedCore(folder: string): Promise<void> {
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

/** @param target package of the addon, with its `deps` @throws Error also if the result cannot be loaded here */
async function compile(target: string, nodeApiInclude: string): Promise<void> {
  const output = join(target, 'lib/napi-v8')
  const binding = join(output, 'tfjs_binding.node')
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
    `-I${join(target, 'deps/include')}`,
    `-I${join(target, 'binding')}`,
    join(target, 'binding/tfjs_backend.cc'),
    join(target, 'binding/tfjs_binding.cc'),
    `-L${join(target, 'deps/lib')}`,
    '-ltensorflow',
    '-ltensorflow_framework',
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
    '-o',
    binding,
  ])
  execute(process.execPath, ['--eval', 'require(process.argv[1])', binding])
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
      .option('--gpu', 'with CUDA, for NVIDIA GPUs (3.1 GB)', false)
      .action(run),
  )
}

/**
 * Compiles the addons: vectors and graphs (`src/engines/embedded/vector-index/native`), and loops over pixels
 * (`src/pixels/native`). They need the headers of hnswlib and of Node.js that `npm ci` brings, a C++ compiler and nothing else.
 * On x86-64 each is compiled twice, portably and for AVX2 and FMA; which one is loaded is decided at each start
 * (`native-build.ts`). The builds lie beside hnswlib, so that an installation may be copied anywhere. Compiles only what is not
 * there yet, or older than its sources.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const src = join(dirname(fileURLToPath(import.meta.url)), '..')
const addons = [
  { name: 'alike', folder: join(src, 'engines/embedded/vector-index/native'), main: 'addon.cc', flags: [] },
  // no contraction: sums are rounded alike in every build
  { name: 'alike-pixels', folder: join(src, 'pixels/native'), main: 'pixels.cc', flags: ['-ffp-contract=off'] },
]

const common = ['-O3', '-fPIC', '-shared', '-pthread', '-std=gnu++17', '-Wno-psabi', '-s']
const defines = ['-DNAPI_VERSION=8', '-DNODE_ADDON_API_CPP_EXCEPTIONS_ALL', '-DBUILDING_NODE_EXTENSION']
const ofProcessor = process.arch === 'x64' ? { portable: [], avx2: ['-mavx2', '-mfma'] } : { portable: [] }

/** @returns what this machine lacks, a line each; nothing if the addons are there */
export function buildNative() {
  const hnswlib = folderOf('hnswlib-node')
  const wrapper = folderOf('node-addon-api')
  if (hnswlib === null || wrapper === null)
    return [
      'hnswlib-node is missing, whose headers are needed. npm before 11.19 also compiles it, with make and Python, and leaves it out where that fails; without: npm ci --ignore-scripts && node src/cli/check-install.mjs',
    ]
  const node = nodeHeaders()
  if (node === null) return ["Node's headers are missing: npm_config_nodedir=FOLDER npm ci (FOLDER/include/node)"]
  const includes = [`-I${wrapper}`, `-I${node}`, '-isystem', join(hnswlib, 'src')]
  const builds = join(hnswlib, 'build')
  mkdirSync(builds, { recursive: true })
  const missing = addons.flatMap((addon) =>
    Object.entries(ofProcessor).flatMap(([build, flags]) =>
      compile(addon, join(builds, `${addon.name}-${build}.node`), {
        flags: [...common, ...flags, ...addon.flags, ...defines],
        includes,
      }),
    ),
  )
  return [...new Set(missing)]
}

function compile({ name, folder, main }, built, { flags, includes }) {
  const state = digest(folder, flags)
  if (existsSync(built) && existsSync(`${built}.txt`) && readFileSync(`${built}.txt`, 'utf8') === state) return []
  const compilers = process.env.CXX ? [process.env.CXX] : ['g++', 'clang++']
  const compiler = compilers.find((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0)
  if (compiler === undefined) return ['No C++ compiler: apt-get install g++']
  const made = `${built}.${process.pid}`
  const { status, stderr } = spawnSync(compiler, [...flags, ...includes, join(folder, main), '-o', made], {
    encoding: 'utf8',
  })
  if (status !== 0) {
    rmSync(made, { force: true })
    return [`${compiler} cannot compile ${name}: ${/error: .*/.exec(stderr ?? '')?.[0] ?? `it ended with ${status}`}`]
  }
  renameSync(made, built)
  writeFileSync(`${built}.txt`, state)
  return []
}

/** Of everything in the folder that its build depends on, but not of the folder's path. */
function digest(folder, flags) {
  const hash = createHash('sha256').update(JSON.stringify(flags))
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)))
  return hash.digest('hex')
}

function folderOf(name) {
  try {
    return dirname(require.resolve(`${name}/package.json`))
  } catch {
    return null
  }
}

/** Of the pinned Node.js, else beside the running one. Any version will do: the interface of addons is the same in all. */
function nodeHeaders() {
  const places = [
    join('node_modules', `node-${process.platform}-${process.arch}`),
    process.env.npm_config_nodedir,
    dirname(dirname(process.execPath)),
  ]
  for (const place of places) {
    const headers = join(place ?? '', 'include/node')
    if (place !== undefined && existsSync(join(headers, 'node_api.h'))) return headers
  }
  return null
}

// As a command: before TypeScript is compiled, so that a changed source is compiled too.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lacking = buildNative()
  for (const line of lacking) console.error(line)
  process.exitCode = lacking.length > 0 ? 1 : 0
}

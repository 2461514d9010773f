/**
 * Runs at the end of `npm ci`: puts the pinned Node.js where npm scripts look first, and asks whether the native
 * parts are there. If not, it says what this machine lacks, one line for each, and exits with 1. Plain JavaScript,
 * because nothing is compiled yet when it runs.
 *
 * hnswlib-node is an optional dependency for this reason alone: npm goes on where its compilation fails, and this
 * file says why in words, instead of a compiler's log.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { buildAvx2 } from './build-avx2.mjs'

const require = createRequire(import.meta.url)
const oldestNode = [20, 19]

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
  fail([`Alike needs Node.js ${oldestNode.join('.')} or newer to install; this is ${process.versions.node}.`])
}

linkRuntime()
const missing = ['onnxruntime-node', 'sharp', 'hnswlib-node'].filter((name) => !loads(name))
if (missing.includes('hnswlib-node')) fail(reasonsForHnswlib())
if (missing.length > 0)
  fail(missing.map((name) => `${name} cannot be loaded here: is this x86-64 or arm64 Linux with glibc?`))
buildAvx2()

/** npm 10 makes no links to the commands of optional packages. Where there is no such package, the machine's own Node.js runs. */
function linkRuntime() {
  const runtime = `node-${process.platform}-${process.arch}`
  if (!existsSync(join('node_modules', runtime)) || existsSync('node_modules/.bin/node')) return
  mkdirSync('node_modules/.bin', { recursive: true })
  symlinkSync(join('..', runtime, 'bin/node'), 'node_modules/.bin/node')
}

function loads(name) {
  try {
    require(name)
    return true
  } catch {
    return false
  }
}

/** What compiling needs, each tried; with all of it there, the compiler's own words are asked for. */
function reasonsForHnswlib() {
  const reasons = []
  const runs = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
  const compiler = process.env.CXX ?? 'g++'
  if (!runs(compiler) && !runs('clang++')) reasons.push('No C++ compiler: apt-get install build-essential')
  if (!runs('make')) reasons.push('No make: apt-get install build-essential')
  if (!runs(process.env.PYTHON ?? 'python3')) reasons.push('No Python, which node-gyp runs on: apt-get install python3')
  if (!headersAreHere()) {
    reasons.push(
      "Node's headers are not beside it, so node-gyp fetches them from nodejs.org; without internet: npm_config_nodedir=FOLDER npm ci (FOLDER/include/node)",
    )
  }
  return [
    'hnswlib-node was not compiled.',
    ...reasons,
    "All of the compiler's output: npm install hnswlib-node --foreground-scripts",
  ]
}

function headersAreHere() {
  const prefix = process.env.npm_config_nodedir ?? dirname(dirname(process.execPath))
  return existsSync(join(prefix, 'include/node/node_api.h'))
}

function fail(lines) {
  for (const line of lines) console.error(line)
  process.exit(1)
}

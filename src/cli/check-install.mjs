/**
 * Runs at the end of `npm ci`: puts the pinned Node.js where npm scripts look first, compiles the addons, and asks whether the
 * native parts are there. If not, it says what this machine lacks, one line for each, and exits with 1. Plain JavaScript,
 * because nothing is compiled yet when it runs.
 *
 * Only the headers of hnswlib-node are used; it is an optional dependency so that older npm, which compiles it all the same,
 * goes on where that fails.
 */
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { buildNative } from './build-native.mjs'

const require = createRequire(import.meta.url)
const oldestNode = [20, 19]

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
  fail([`Alike needs Node.js ${oldestNode.join('.')} or newer to install; this is ${process.versions.node}.`])
}

linkRuntime()
process.env.ORT_DISABLE_TELEMETRY = '1' // src/embedding/no-telemetry.ts
const missing = ['onnxruntime-node', 'sharp'].filter((name) => !loads(name))
if (missing.length > 0)
  fail(missing.map((name) => `${name} cannot be loaded here: is this x86-64 or arm64 Linux with glibc?`))
const lacking = buildNative()
if (lacking.length > 0) fail(['The addons were not compiled.', ...lacking])

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

function fail(lines) {
  for (const line of lines) console.error(line)
  process.exit(1)
}

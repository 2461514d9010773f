/**
 * Writes TypeBox as a few files into `dist/node_modules`, where what is compiled finds it before the package itself. TypeBox
 * consists of almost 700 modules, and finding and linking them takes a process longer than all its other modules together
 * (200 ms of processor time instead of 10); every command, service and decoder process would pay for that at its start.
 * Nothing depends on it: without these files, the package is loaded. Written only if they are of another version.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const from = join(root, 'node_modules/typebox')
const to = join(root, 'dist/node_modules/typebox')

const packageIn = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

async function bundle({ name, version, type, license, exports }) {
  const { rolldown } = await import('rolldown')
  // "./value" of the package becomes value.js, and "." index.js
  const entries = Object.entries(exports).map(([path, { import: file }]) => [path, path.slice(2) || 'index', file])
  const made = `${to}.${process.pid}`
  const build = await rolldown({
    input: Object.fromEntries(entries.map(([, entry, file]) => [entry, join(from, file)])),
    platform: 'node',
  })
  mkdirSync(made, { recursive: true })
  await build.write({ dir: made })
  await build.close()
  const ours = {
    name,
    version,
    type,
    license,
    exports: Object.fromEntries(entries.map(([path, entry]) => [path, `./${entry}.js`])),
  }
  writeFileSync(join(made, 'package.json'), `${JSON.stringify(ours, null, 2)}\n`)
  rmSync(to, { recursive: true, force: true })
  renameSync(made, to)
}

const typebox = packageIn(from)
if (!existsSync(join(to, 'package.json')) || packageIn(to).version !== typebox.version) await bundle(typebox)

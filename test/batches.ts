/**
 * Prints the files that `npm test` runs, each in a process of its own, after writing them: each imports several test
 * files, which then share what they all load. A process that opens a service takes a second of processor time for that.
 *
 * Every test file still works alone. A process that what a test has opened keeps alive is ended by `support/ends.ts`:
 * the runner would wait for it for ever, and show nothing of its failures.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const tests = fileURLToPath(new URL('.', import.meta.url))
const batches = join(tests, 'batches')

/** Enough that a process's start hardly counts, and few enough that none is left when the others are over. */
const filesMax = 8

/** Little is gained where tests start processes of their own; those of training set the backend of their process. */
const alone = /^(e2e|bench|train|cli|clients|proxies)\//

/** Begun first, since they take longest. */
const longest = ['e2e', 'http']

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => file.replace(/ts$/, 'js'))
  .sort()

/** Test files by the name of their batch. */
function batched(): Map<string, string[]> {
  const named = new Map<string, string[]>()
  for (const file of files) {
    const folder = dirname(file)
    const inFolder = files.filter((other) => dirname(other) === folder)
    const number = inFolder.indexOf(file) % Math.ceil(inFolder.length / filesMax)
    const name = alone.test(file) ? file : `${folder === '.' ? 'root' : folder}-${number + 1}.test.js`
    named.set(name, [...(named.get(name) ?? []), file])
  }
  return named
}

rmSync(batches, { recursive: true, force: true })
mkdirSync(batches)
for (const [name, imported] of batched()) {
  const order = [...longest, '']
  const path = join(batches, `${order.findIndex((start) => name.startsWith(start))}-${name.replaceAll('/', '-')}`)
  // One after the other: what a file does while it is loaded does not mix with what the next one does.
  writeFileSync(path, [...imported, 'support/ends.js'].map((file) => `await import('../${file}')\n`).join(''))
  console.log(relative('.', path))
}

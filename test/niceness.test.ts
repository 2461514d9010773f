import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'

const program = `
  import { getPriority } from 'node:os'
  import { lowest, lowerPriority, lowerThreadPriority } from ${JSON.stringify(new URL('../src/niceness.js', import.meta.url).href)}
  const seen = [getPriority()]
  for (const lower of [() => lowerThreadPriority(5), () => lowerPriority(1), () => lowerPriority(lowest)]) {
    lower()
    seen.push(getPriority())
  }
  console.log(JSON.stringify(seen))`

test('priorities are lowered relative to that of the service, which may not raise its own', {
  skip: process.platform !== 'linux',
}, () => {
  const output = execFileSync('nice', ['-n', '8', process.execPath, '--input-type=module', '-e', program])
  const [own, ...lowered] = JSON.parse(output.toString()) as number[]
  assert.ok(own! >= 8)
  assert.deepEqual(
    lowered,
    [5, 6, 25].map((by) => Math.min(19, own! + by)),
  )
})

/** A bar at a terminal, as far as a pipe shows it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'

test('at a terminal too, the process ends when the work behind a bar fails, and the terminal is as it was', async () => {
  const file = new URL('../../src/cli/progress-bar.js', import.meta.url).href
  const script = `
    process.stderr.isTTY = true
    const { withBar } = await import(${JSON.stringify(file)})
    await withBar('quality {bar} {value}/{total}, {eta_formatted} left', 3, async (bar) => { bar.increment(); throw new Error('unreachable') })
      .catch(({ message }) => console.log(message))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 })
  let [output, drawn] = ['', '']
  child.stdout.on('data', (text: Buffer) => void (output += text.toString()))
  child.stderr.on('data', (text: Buffer) => void (drawn += text.toString()))
  assert.deepEqual(await once(child, 'close'), [0, null])
  assert.equal(output, 'unreachable\n')
  assert.match(drawn, /quality .* 1\/3/)
  assert.doesNotMatch(drawn, /NF|LL/, 'a time that is not known is no word of the library')
  assert.doesNotMatch(
    drawn,
    /\u001b\[\?\d+[hl]/,
    'a mode of the terminal would stay as it is when a signal ends the process',
  )
})

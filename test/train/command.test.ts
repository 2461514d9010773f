/** The command as a process: signals, exit codes, a disk without room. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../support/temporary-folder.js'
import { writeDrawnImages } from '../support/tiny-model.js'

const main = fileURLToPath(new URL('../../src/train/main.js', import.meta.url))

interface Ran {
  folder: string
  status: number | null
  output: string
}

/** @param before shell commands before the run @param onLine may send it a signal */
async function train(
  t: TestContext,
  before = '',
  onLine?: (line: string, pid: number) => void,
  length = ['--epochs', '500', '--no-report'],
): Promise<Ran> {
  const folder = await temporaryFolder(t)
  await writeDrawnImages(join(folder, 'pictures'), { train: 4, val: 2, test: 2 })
  const places = ['--data', 'pictures', '--out', 'onnx', '--work', 'work'].map((word) =>
    word.startsWith('--') ? word : join(folder, word),
  )
  const args = [main, ...places, '--name', 'mine', '--backend', 'wasm', ...length]
  const run = spawn('sh', ['-c', `${before} exec "$0" "$@"`, process.execPath, ...args])
  let output = ''
  for (const stream of [run.stdout, run.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      for (const line of text.split('\n')) onLine?.(line, run.pid!)
    })
  const status = await new Promise<number | null>((resolve) => run.once('close', resolve))
  return { folder, status, output }
}

test('a signal ends a run after the batch in progress, and the run says so', async (t) => {
  const { status, output, folder } = await train(
    t,
    '',
    (line, pid) => line.startsWith('epoch 1/') && process.kill(pid, 'SIGINT'),
  )
  assert.match(output, /\nstopping after this batch.+\nstopped in epoch \d+; go on with --resume\n$/s)
  assert.equal(status, 130, 'whoever started it must not take it for finished')
  assert.ok((await readdir(join(folder, 'work/mine'))).includes('checkpoint.safetensors'))
})

test('a signal during the export leaves a network without a report, and the run is not finished either', async (t) => {
  const { status, output, folder } = await train(
    t,
    '',
    (line, pid) => line.startsWith('gain along ') && process.kill(pid, 'SIGTERM'),
    ['--epochs', '1'],
  )
  assert.match(output, /there is no report: --finish/)
  assert.equal(status, 130)
  assert.ok((await readdir(join(folder, 'onnx/mine'))).includes('manifest.json'))
})

test('a second signal ends a run at once, also one of another kind', async (t) => {
  const due: NodeJS.Signals[] = ['SIGINT', 'SIGTERM']
  const { status, output } = await train(t, '', (line, pid) => {
    if (due[0] !== undefined && /^(epoch 1\/|stopping)/.test(line)) process.kill(pid, due.shift())
  })
  assert.equal(status, null)
  assert.equal(output.match(/^stopping/gm)?.length, 1)
})

test('a disk without room for a checkpoint ends the run with its code', async (t) => {
  // a maximum file size ends a write in the middle, as a full disk does
  const { status, output, folder } = await train(t, 'ulimit -f 64;')
  assert.match(
    output,
    /\nfolder_unwritable: .+ The disk of .+work\/mine, .+ is full: .+ --resume continues the run\.\n$/,
  )
  assert.equal(status, 1)
  assert.deepEqual(await readdir(join(folder, 'work/mine')), ['train.log'])
})

test('a run can be started in any folder', async (t) => {
  const { status, output, folder } = await train(t, 'cd /;', undefined, ['--epochs', '1'])
  assert.equal(status, 0, output)
  assert.ok((await readdir(join(folder, 'onnx/mine'))).includes('model-card.md'))
})

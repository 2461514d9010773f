import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openLog } from '../../src/service/log.js'
import { temporaryFolder } from '../support/temporary-folder.js'

test('while its reader stalls, the log keeps a bounded number of lines, counts the others, and loses no fatal one', {
  skip: process.platform === 'win32',
}, async (t) => {
  const folder = await temporaryFolder(t)
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const to = openSync(pipe, constants.O_RDWR) // with a reading end of its own
  let lost = 0
  const logger = openLog({ logLevel: 'info', to, onLoss: () => lost++ })
  logger.info('the first')
  // Waits for the thread that writes it. Until the event loop turns the log does not know, and lets the others wait.
  readSync(to, Buffer.alloc(4_096))
  const filling = 'x'.repeat(2 ** 16)
  for (let n = 0; n < 200; n++) logger.info({ n, filling }, 'waiting')
  assert.ok(lost > 50 && lost < 100, `${lost} lost of 200`)

  const read = join(folder, 'read')
  const reader = spawn('cat', [pipe], { stdio: ['ignore', openSync(read, 'w'), 'inherit'] })
  logger.fatal('the end') // returns once all of it is read
  closeSync(to)
  await once(reader, 'exit')
  const lines = (await readFile(read, 'utf8')).trimEnd().split('\n')
  const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg)
  assert.deepEqual([messages.length, messages.at(-1)], [200 - lost + 1, 'the end'])
})

test('no name in it can command the terminal that shows it', async (t) => {
  const path = join(await temporaryFolder(t), 'log')
  const to = openSync(path, 'w')
  const detail = 'a\u009b2Jb\u202e is unknown.'
  openLog({ logLevel: 'info', to, onLoss: () => assert.fail() }).fatal({ detail }, 'the end') // returns once it is written
  closeSync(to)
  const line = await readFile(path, 'utf8')
  assert.match(line, /"a\\u009b2Jb\\u202e is unknown\."/)
  assert.equal(JSON.parse(line).detail, detail)
})

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { openAuditLog } from '../../src/access/audit-log.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

const logger = pino({ level: 'silent' })
/** A device on which no write succeeds. */
const fullDisk = '/dev/full'

test('lines are appended, and all of them are written at the end', async (t) => {
  const path = join(await temporaryFolder(t), 'audit', 'log')
  for (const run of [1, 2]) {
    const log = (await openAuditLog(path, logger, (error) => assert.fail(error)))!
    for (let n = 0; n < 1_000; n++) log.write({ run, n })
    await log.close()
  }
  const lines = (await readFile(path, 'utf8')).trim().split('\n')
  assert.deepEqual([lines.length, JSON.parse(lines[1_000]!).run, JSON.parse(lines.at(-1)!).n], [2_000, 2, 999])
})

test('no id in it can command the terminal that shows it, or turn the text around it', async (t) => {
  const path = join(await temporaryFolder(t), 'log')
  const log = (await openAuditLog(path, logger, (error) => assert.fail(error)))!
  const image = 'a\u009b2Jb\u202egpj.\u0085ä\u007f'
  log.write({ image })
  await log.close()
  const line = await readFile(path, 'utf8')
  assert.match(line, /"a\\u009b2Jb\\u202egpj\.\\u0085ä\\u007f"/)
  assert.equal(JSON.parse(line).image, image)
})

test('other users can read neither the file nor a folder that is created for it, which may be the data folder', async (t) => {
  const folder = join(await temporaryFolder(t), 'data', 'audit')
  const log = (await openAuditLog(join(folder, 'log'), logger, (error) => assert.fail(error)))!
  await log.close()
  const modes = await Promise.all([dirname(folder), folder, join(folder, 'log')].map((path) => stat(path)))
  assert.deepEqual(
    modes.map(({ mode }) => (mode & 0o777).toString(8)),
    ['700', '700', '600'],
  )
})

test('a file that cannot be opened is reported at the start', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'file'), '')
  for (const path of [folder, join(folder, 'file', 'log'), '/proc/alike/log'])
    await assert.rejects(
      openAuditLog(path, logger, () => {}),
      { code: 'config_invalid', message: /AUDIT_LOG/ },
    )
})

test('a full disk costs lines, but neither memory nor the end of the process', {
  skip: !existsSync(fullDisk),
}, async () => {
  const losses: string[] = []
  const log = (await openAuditLog(fullDisk, logger, ({ message }) => losses.push(message)))!
  const text = 'x'.repeat(1_000)
  for (let n = 0; n < 20_000; n++) log.write({ text })
  assert.ok(losses.length > 10_000, `${losses.length} of 20,000 lines of 1 kB are known to be lost`)
  await until(() => losses.some((message) => message.startsWith('ENOSPC')))
  await log.close()
})

/** Which logs a crash can leave, and which only damage: with real logs, put together from those of several databases. */
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import BetterSqlite3 from 'better-sqlite3'
import { expectWholeLog } from '../../../../src/engines/embedded/store/database/log-check.js'
import { dataFolder } from '../storage-folder.js'

const headerBytes = 32
const pageBytes = 8_192
const frameBytes = 24 + pageBytes

/** A database that is open, so that its log stays. */
function opened(t: TestContext, path: string): BetterSqlite3.Database {
  const database = new BetterSqlite3(path)
  database.pragma(`page_size = ${pageBytes}`)
  database.pragma('journal_mode = WAL')
  database.pragma('wal_autocheckpoint = 0')
  t.after(() => database.close())
  return database
}

/** One transaction over about as many pages. */
function write(database: BetterSqlite3.Database, word: string, pages: number): void {
  const insert = database.prepare('INSERT INTO row (content) VALUES (?)')
  database.transaction(() => {
    for (let page = 0; page < pages; page++) insert.run(word.padEnd(pageBytes - 500, '.'))
  })()
}

/** The log after some commits, and what each further transaction, of fewer and fewer pages, would append to it. */
async function logs(t: TestContext): Promise<{ folder: string; log: Buffer; appended: Buffer[] }> {
  const folder = await dataFolder(t)
  const path = (name: string) => join(folder, `${name}.db`)
  const database = opened(t, path('first'))
  database.exec('CREATE TABLE row (number INTEGER PRIMARY KEY, content TEXT)')
  for (const pages of [1, 2, 1]) write(database, 'whole', pages)
  const log = readFileSync(`${path('first')}-wal`)
  const appended = [20, 12, 3].map((pages) => {
    const name = `with${pages}`
    for (const end of ['', '-wal']) copyFileSync(`${path('first')}${end}`, `${path(name)}${end}`)
    write(opened(t, path(name)), name, pages)
    return readFileSync(`${path(name)}-wal`).subarray(log.length)
  })
  return { folder, log, appended }
}

/** Written one after another to the same place, as after transactions that failed at their commit. */
function overwritten(log: Buffer, parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.alloc(log.length + Math.max(...parts.map(({ length }) => length)))
  log.copy(bytes)
  for (const part of parts) part.copy(bytes, log.length)
  return bytes
}

test('what is left in the log of transactions that failed is not taken for damage', async (t) => {
  const { folder, log, appended } = await logs(t)
  const [largest, large, small] = appended as [Buffer, Buffer, Buffer]
  const torn = Buffer.from(small)
  torn.fill(0, small.length - 100)
  const cut = small.subarray(0, frameBytes)
  const rows: Record<string, Buffer[]> = {
    'two failed, one committed': [largest, large, small],
    'two failed, one torn': [largest, large, torn],
    'two failed, one cut off': [largest, large, cut],
    'one failed, one torn': [large, torn],
  }
  for (const [what, parts] of Object.entries(rows)) {
    const name = join(folder, `${what}.db`)
    copyFileSync(join(folder, 'first.db'), name)
    writeFileSync(`${name}-wal`, overwritten(log, parts))
    assert.doesNotThrow(() => expectWholeLog(`${name}-wal`), what)
    const count = opened(t, name).prepare('SELECT count(*) FROM row').pluck().get()
    assert.equal(count, what.endsWith('committed') ? 7 : 4, what)
  }
})

test('a flipped bit in any write but the last is detected', async (t) => {
  const { folder, log, appended } = await logs(t)
  const whole = Buffer.concat([log, appended[2]!])
  const path = join(folder, 'flipped.db-wal')
  const isRefused = (bytes: Buffer) => {
    writeFileSync(path, bytes)
    try {
      expectWholeLog(path)
      return false
    } catch {
      return true
    }
  }
  assert.equal(isRefused(whole), false)
  const undetected: string[] = []
  for (let frame = 0; headerBytes + frame * frameBytes < log.length; frame++)
    for (const within of [...Array(24).keys(), 100, 4_000, frameBytes - 1]) {
      const bytes = Buffer.from(whole)
      bytes[headerBytes + frame * frameBytes + within]! ^= 4
      if (!isRefused(bytes)) undetected.push(`frame ${frame}, byte ${within}`)
    }
  assert.deepEqual(undetected, [])
})

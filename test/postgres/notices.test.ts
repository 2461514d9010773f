/** The connection that listens to notices, over a connection made up here: a real server needs a second one to refuse. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Notices } from '../../src/postgres/notices.js'
import type { Postgres } from '../../src/postgres/postgres.js'

/** A server in recovery grants locks, but refuses to LISTEN. */
class StandbyConnection extends EventEmitter {
  isOpen = true

  async query(text: string): Promise<{ rows: unknown[] }> {
    if (text.startsWith('LISTEN')) throw new Error('cannot execute LISTEN during recovery')
    return { rows: [{ held: true }] }
  }

  async end(): Promise<void> {
    this.isOpen = false
  }
}

test('a connection that cannot listen is not left open', async (t) => {
  const connection = new StandbyConnection()
  const notices = new Notices({ connect: async () => connection } as unknown as Postgres, false, () => {})
  t.after(() => notices.close())
  await assert.rejects(notices.open(), /LISTEN/)
  assert.equal(connection.isOpen, false)
})

/** The connection that listens to notices, over a connection made up here: a real server needs a second one to refuse. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { type Notice, Notices } from '../../src/postgres/notices.js'
import type { Postgres } from '../../src/postgres/postgres.js'
import { until } from '../support/until.js'

class MadeConnection extends EventEmitter {
  isOpen = true

  async query(_text: string): Promise<{ rows: unknown[] }> {
    return { rows: [{ held: true }] }
  }

  async end(): Promise<void> {
    this.isOpen = false
  }
}

/** A server in recovery grants locks, but refuses to LISTEN. */
class StandbyConnection extends MadeConnection {
  override async query(text: string): Promise<{ rows: unknown[] }> {
    if (text.startsWith('LISTEN')) throw new Error('cannot execute LISTEN during recovery')
    return super.query(text)
  }
}

test('a connection that cannot listen is not left open', async (t) => {
  const connection = new StandbyConnection()
  const notices = new Notices({ connect: async () => connection } as unknown as Postgres, false, () => {})
  t.after(() => notices.close())
  await assert.rejects(notices.open(), /LISTEN/)
  assert.equal(connection.isOpen, false)
})

test('a lost connection is closed, and its late end is not taken for the loss of the next one', async (t) => {
  const made: MadeConnection[] = []
  const connect = async () => made[made.push(new MadeConnection()) - 1]
  let losses = 0
  const notices = new Notices({ connect } as unknown as Postgres, false, () => void losses++)
  t.after(() => notices.close())
  const heard: (Notice | undefined)[] = []
  notices.listen((notice) => void (notice !== undefined && heard.push(notice)))
  await notices.open()
  made[0]!.emit('error', new Error('terminating connection due to administrator command'))
  assert.equal(made[0]!.isOpen, false)
  await until(() => made.length === 2, 'the next connection')
  made[0]!.emit('end')
  made[1]!.emit('notification', { payload: '{"job":"j"}' })
  assert.deepEqual([losses, heard.at(-1)], [1, { job: 'j' }])
  await notices.close()
  assert.equal(made[1]!.isOpen, false)
})

test('a process that may no longer be there says so each time it cannot listen again', async (t) => {
  const made: MadeConnection[] = []
  class Refused extends MadeConnection {
    override async query(): Promise<{ rows: unknown[] }> {
      return { rows: [{ held: made.length === 1 }] } // another process has come meanwhile
    }
  }
  const connect = async () => made[made.push(new Refused()) - 1]
  const told: unknown[] = []
  const waits = { companyMs: 0, reconnectMs: 1, tickMs: 5_000 }
  const notices = new Notices({ connect } as unknown as Postgres, false, (reason) => told.push(reason), waits)
  t.after(() => notices.close())
  await notices.open()
  made[0]!.emit('error', new Error('terminating connection due to administrator command'))
  await until(() => told.length >= 3, 'two attempts')
  assert.deepEqual(
    told.slice(1, 3).map((reason) => (reason as { code?: unknown }).code),
    ['config_invalid', 'config_invalid'],
  )
})

/** The connection that listens to notices, over a connection made up here: a real server needs a second one to refuse. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Notice, Notices } from '../../src/postgres/notices.js'
import { Postgres } from '../../src/postgres/postgres.js'
import { until } from '../support/until.js'
import { newDatabase } from './shared-stores.js'

class MadeConnection extends EventEmitter {
  isOpen = true

  async query(_text: string): Promise<{ rows: unknown[] }> {
    return { rows: [{ held: true }] }
  }

  async end(): Promise<void> {
    this.isOpen = false
  }
}

/** A server with the connections that have been made, of which the last one listens. */
function serverOf(made: MadeConnection[], connect: () => MadeConnection): Postgres {
  const query = async (_text: string, [, payload]: string[]) => {
    made.at(-1)!.emit('notification', { payload })
    return []
  }
  return { connect: async () => made[made.push(connect()) - 1], query } as unknown as Postgres
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
  const notices = new Notices(
    serverOf([], () => connection),
    false,
    () => {},
  )
  t.after(() => notices.close())
  await assert.rejects(notices.open(), /LISTEN/)
  assert.equal(connection.isOpen, false)
})

test('a lost connection is closed, and its late end is not taken for the loss of the next one', async (t) => {
  const made: MadeConnection[] = []
  let losses = 0
  const notices = new Notices(
    serverOf(made, () => new MadeConnection()),
    false,
    () => void losses++,
  )
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
  const told: unknown[] = []
  const waits = { companyMs: 0, heardMs: 10_000, reconnectMs: 1, tickMs: 5_000 }
  const server = serverOf(made, () => new Refused())
  const notices = new Notices(server, false, (reason) => told.push(reason), waits)
  t.after(() => notices.close())
  await notices.open()
  made[0]!.emit('error', new Error('terminating connection due to administrator command'))
  await until(() => told.length >= 3, 'two attempts')
  assert.deepEqual(
    told.slice(1, 3).map((reason) => (reason as { code?: unknown }).code),
    ['config_invalid', 'config_invalid'],
  )
})

test('a process that hears no notices, as behind a pooler by transaction, is told so', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const postgres = new Postgres({ url: await withoutNotices(t, url), connectionsMax: 2, onLoss() {} })
  t.after(() => postgres.close())
  const waits = { companyMs: 0, heardMs: 500, reconnectMs: 1, tickMs: 5_000 }
  const notices = new Notices(postgres, true, () => {}, waits)
  t.after(() => notices.close())
  await assert.rejects(notices.open(), { code: 'config_invalid' })
})

test('a process that was held up for longer than notices may take has heard them all the same', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const postgres = new Postgres({ url, connectionsMax: 2, onLoss() {} })
  t.after(() => postgres.close())
  for (let starts = 0; starts < 5; starts++) {
    const waits = { companyMs: 0, heardMs: 0, reconnectMs: 1, tickMs: 5_000 }
    const notices = new Notices(postgres, true, () => {}, waits)
    t.after(() => notices.close())
    await notices.open()
  }
})

test('a connection that is lost before it has heard anything is not taken for a pooler', async (t) => {
  class Lost extends MadeConnection {
    override async query(text: string): Promise<{ rows: unknown[] }> {
      if (!text.startsWith('LISTEN')) throw new Error('Connection terminated')
      return super.query(text)
    }
  }
  const postgres = { connect: async () => new Lost(), query: async () => [] } as unknown as Postgres
  const waits = { companyMs: 0, heardMs: 100, reconnectMs: 1, tickMs: 5_000 }
  const notices = new Notices(postgres, true, () => {}, waits)
  t.after(() => notices.close())
  await assert.rejects(notices.open(), /Connection terminated/)
})

test('once closed, it does not connect again', async (t) => {
  const made: MadeConnection[] = []
  let attempts = 0
  let refuse: ((error: Error) => void) | undefined
  const server = serverOf(made, () => new MadeConnection())
  const connect = server.connect.bind(server)
  server.connect = () => {
    attempts++
    return attempts === 1 ? connect() : new Promise((_resolve, reject) => (refuse = reject))
  }
  const waits = { companyMs: 0, heardMs: 10_000, reconnectMs: 1, tickMs: 5_000 }
  const notices = new Notices(server, true, () => {}, waits)
  t.after(() => notices.close())
  await notices.open()
  made[0]!.emit('error', new Error('terminating connection due to administrator command'))
  await until(() => refuse !== undefined, 'an attempt to connect again')
  await notices.close()
  refuse!(new Error('connect ECONNREFUSED'))
  await sleep(50)
  assert.equal(attempts, 2)
})

const noticeMark = 'A'.charCodeAt(0)

/** The same server, behind a proxy that forwards all of its messages but notices: each has a mark and its length. */
async function withoutNotices(t: TestContext, url: string): Promise<string> {
  const { port } = new URL(url)
  const proxy = createServer((client) => {
    const server = connect(Number(port), '127.0.0.1')
    client.pipe(server).on('error', () => client.destroy())
    client.on('error', () => server.destroy())
    let bytes = Buffer.alloc(0)
    server.on('end', () => client.end())
    server.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      while (bytes.length > 4 && bytes.length > bytes.readInt32BE(1)) {
        const end = 1 + bytes.readInt32BE(1)
        if (bytes[0] !== noticeMark) client.write(bytes.subarray(0, end))
        bytes = bytes.subarray(end)
      }
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => void proxy.close())
  return Object.assign(new URL(url), { port: String((proxy.address() as AddressInfo).port) }).href
}

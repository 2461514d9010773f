/** Which errors of PostgreSQL and of the network mean that the store is away. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { hasCode } from '../../src/errors.js'
import { Postgres, type Sql } from '../../src/postgres/postgres.js'
import { asStoreError } from '../../src/postgres/store-errors.js'
import { inDatabase } from '../support/postgres-server.js'
import { newDatabase } from './shared-stores.js'

const failed = (code: string) => asStoreError(Object.assign(new Error('failed'), { code }))

test('a server that no network leads to is away; an error of ours stays one', () => {
  for (const code of ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EHOSTDOWN', 'ECONNABORTED', '57P01'])
    assert.ok(hasCode(failed(code), 'store_unreachable'), code)
  assert.ok(!hasCode(failed('42P01'), 'store_unreachable'))
})

test('of a server that lacks something, only a full disk is told as one: memory and connections come back', () => {
  for (const code of ['53200', '53300', '53400']) assert.ok(hasCode(failed(code), 'store_unreachable'), code)
  assert.ok(hasCode(failed('53100'), 'storage_full'))
})

const conflicts = { deadlock: '40P01', 'serialisation failure': '40001' }

/** Raises an error as often as `times` says; sequences count although the transaction is undone. */
const raising = (code: string, times: number) => `
  CREATE TABLE kept (n integer);
  CREATE SEQUENCE tries;
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF nextval('tries') <= ${times} THEN RAISE EXCEPTION 'conflict' USING ERRCODE = '${code}'; END IF; RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON kept DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`

for (const [what, code] of Object.entries(conflicts))
  test(`after a ${what} a statement or transaction is repeated a few times, then refused with a code`, async (t) => {
    for (const [times, kept] of [
      [3, 1],
      [1_000, 0],
    ] as const) {
      const url = await newDatabase(t)
      if (url === undefined) return
      await inDatabase(url, raising(code, times))
      const postgres = openPostgres(t, url)
      const insert = 'INSERT INTO kept VALUES (1)'
      for (const attempt of [() => postgres.query(insert), () => postgres.transaction((sql) => sql.query(insert))]) {
        await inDatabase(url, `DELETE FROM kept; SELECT setval('tries', 1, false)`)
        if (kept === 1) await attempt()
        else await assert.rejects(attempt(), { code: 'store_unreachable', retryAfterSeconds: 5 })
        assert.equal((await inDatabase(url, 'SELECT 1 FROM kept')).length, kept)
      }
    }
  })

test('transactions see what others have committed, whatever the default of the database is', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  await inDatabase(
    url,
    `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_isolation = 'serializable'`,
  )
  await inDatabase(url, 'CREATE TABLE kept (n integer)')
  await openPostgres(t, url).transaction(async (sql) => {
    await sql.query('SELECT 1 FROM kept')
    await inDatabase(url, 'INSERT INTO kept VALUES (1)')
    assert.equal((await sql.query('SELECT 1 FROM kept')).length, 1)
  })
})

test('a transaction whose connection is lost in the middle changes nothing, and the next one has another', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  await inDatabase(url, 'CREATE TABLE kept (n integer)')
  const postgres = openPostgres(t, url)
  let attempts = 0
  const insert = async (sql: Sql) => {
    attempts++
    await sql.query('INSERT INTO kept VALUES (1)')
    const [{ pid } = {}] = await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await inDatabase(url, `SELECT pg_terminate_backend(${pid}, 10000)`)
    await sql.query('INSERT INTO kept VALUES (2)')
  }
  await assert.rejects(postgres.transaction(insert), { code: 'store_unreachable' })
  assert.equal(attempts, 1, 'its caller decides whether to repeat it')
  assert.deepEqual(await postgres.query('SELECT n FROM kept'), [])
})

test('a server that refuses connections, or breaks statements off, is away until its administrator allows them', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const role = new URL(url).pathname.slice(1)
  const asRole = Object.assign(new URL(url), { username: role }).href
  for (const [refusal, allowance] of [
    ['NOLOGIN', 'LOGIN'],
    ["SET statement_timeout = '1ms'", 'RESET statement_timeout'],
  ]) {
    await inDatabase(url, `DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role} LOGIN; ALTER ROLE ${role} ${refusal}`)
    const postgres = openPostgres(t, asRole)
    const slow = 'SELECT pg_sleep(0.05)'
    const onOne = async () => (await postgres.connect()).end()
    const attempts: (() => Promise<unknown>)[] = [
      () => postgres.query(slow),
      () => postgres.transaction((sql) => sql.query(slow)),
    ]
    if (refusal === 'NOLOGIN') attempts.push(onOne)
    for (const attempt of attempts) await assert.rejects(attempt(), { code: 'store_unreachable' }, refusal)
    await inDatabase(url, `ALTER ROLE ${role} ${allowance}`)
    await postgres.query(slow)
    await onOne()
  }
})

test('a server that stops just as it has accepted a connection is away, and does not end the process', async (t) => {
  const message = (mark: string, body: string) => {
    const bytes = Buffer.from(`${mark}0000${body}`)
    bytes.writeInt32BE(bytes.length - 1, 1)
    return bytes
  }
  const stopping = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'
  // accepted, ready, and stopping: a process that was busy reads all of it at once
  const said = [message('R', '\0\0\0\0'), message('Z', 'I'), message('E', stopping)]
  const server = createServer((client) => {
    client.on('error', () => {})
    client.once('data', () => client.end(Buffer.concat(said)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const postgres = openPostgres(t, `postgres://alike@127.0.0.1:${(server.address() as AddressInfo).port}/alike`)
  const attempts: (() => Promise<unknown>)[] = [
    () => postgres.query('SELECT 1'),
    () => postgres.transaction((sql) => sql.query('SELECT 1')),
    () => postgres.connect(),
  ]
  for (const attempt of attempts) await assert.rejects(attempt(), { code: 'store_unreachable' })
})

function openPostgres(t: TestContext, url: string): Postgres {
  const postgres = new Postgres({ url, connectionsMax: 2, onLoss() {} })
  t.after(() => postgres.close())
  return postgres
}

/** A server that only reads, as a standby does during a failover: writes are refused until another one accepts them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Postgres } from '../../src/postgres/postgres.js'
import { until } from '../support/until.js'
import { newDatabase } from './shared-stores.js'

test('writes that a server refuses because it only reads can be retried, on other connections', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const [primary, standby] = [url, `${url}?options=-c%20default_transaction_read_only%3Don`].map((at) => {
    const postgres = new Postgres({ url: at, connectionsMax: 1, onLoss: () => {} })
    t.after(() => postgres.close())
    return postgres
  })
  await primary!.query('CREATE TABLE kept (id int)')
  const backend = async () => (await standby!.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))[0]!.pid
  const first = await backend()
  const away = { code: 'store_unreachable' }
  await assert.rejects(
    standby!.transaction((sql) => sql.query('INSERT INTO kept VALUES (1)')),
    away,
  )
  assert.notEqual(await backend(), first, 'its connection is not used again')
  await assert.rejects(standby!.query('INSERT INTO kept VALUES (1)'), away)
  assert.deepEqual(await primary!.query('SELECT id FROM kept'), [])
})

test('no locks are taken on a standby', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const primary = new Postgres({ url, connectionsMax: 1, onLoss: () => {} })
  t.after(() => primary.close())
  await primary.query(`CREATE SCHEMA standby;
    CREATE FUNCTION standby.pg_is_in_recovery() RETURNS bool LANGUAGE sql AS 'SELECT true'`)
  const asStandby = `${url}?options=-c%20search_path%3Dstandby,pg_catalog`
  const standby = new Postgres({ url: asStandby, connectionsMax: 1, onLoss: () => {} })
  t.after(() => standby.close())
  await (await primary.connect()).end()
  await assert.rejects(standby.connect('locks'), { code: 'store_unreachable' })
  const left = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'locks'"
  await until(async () => (await primary.query(left)).length === 0)
})

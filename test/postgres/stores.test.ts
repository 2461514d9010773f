/** The catalogue and its sibling stores in PostgreSQL: the common contract. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judged, sharedStoresSuite } from '../gallery/shared-stores-suite.js'
import { inDatabase } from '../support/postgres-server.js'
import { newDatabase, openStores } from './shared-stores.js'

sharedStoresSuite({ newPlace: newDatabase, open: openStores })

test('judgements that an older version has recorded are counted', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const model = { modelId: '00000000000000aa', dimension: 8, engine: 'any' }
  const older = await openStores(t, url)
  await older.catalogue.create({ name: 'a', uid: 'uid', setUid: 'set', settings: {}, galleriesMax: 5, ...model })
  await older.feedback.record('uid', [judged('x'), judged('y')])
  await older.close()
  await inDatabase(url, 'DROP TABLE alike.feedback_count')
  await inDatabase(url, 'DELETE FROM alike.schema_step WHERE step = (SELECT max(step) FROM alike.schema_step)')
  const lines: Record<string, unknown>[] = []
  const { feedback } = await openStores(t, url, {
    logger: { info: (fields, msg) => void lines.push({ ...fields, msg }), warn() {} },
  })
  assert.equal((await feedback.record('uid', [judged('z')])).stored, 3)
  const [begun, { ms, ...ended } = {}, ...others] = lines
  const migration = { store: 'PostgreSQL, alike', from: Number(begun?.from), to: Number(begun?.from) + 1 }
  assert.deepEqual(begun, { ...migration, msg: 'the tables of an older version are being migrated' })
  assert.deepEqual(ended, { ...migration, msg: 'the tables are migrated' })
  assert.deepEqual([typeof ms, others], ['number', []])
})

test('tables of a newer version are refused, those of the job queues too', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  await (await openStores(t, url)).close()
  for (const [newer, back] of [
    ['INSERT INTO alike.schema_step VALUES (99, now())', 'DELETE FROM alike.schema_step WHERE step = 99'],
    ['UPDATE alike_queue.version SET version = version + 1', 'UPDATE alike_queue.version SET version = version - 1'],
  ] as const) {
    await inDatabase(url, newer)
    await assert.rejects(openStores(t, url), {
      code: 'data_unreadable',
      detail:
        /^The tables in PostgreSQL belong to a newer version \(alike(_queue)?: step \d+; this version knows \d+\)\.$/,
    })
    await inDatabase(url, back)
    await (await openStores(t, url)).close()
  }
})

test('a URL that cannot be used is told in a sentence', async (t) => {
  const unreadable = /^POSTGRES_URL is not readable as (?!.*secret).*percent-encoded/
  for (const [url, code, detail] of [
    ['postgres://127.0.0.1:99999/x', 'config_invalid', unreadable],
    ['postgres://alike:secret#1@127.0.0.1/x', 'config_invalid', unreadable],
    ['postgres://alike:secret%ff@127.0.0.1/x', 'config_invalid', unreadable],
    [
      'postgres://127.0.0.1:1/x?sslmode=verify-full&sslrootcert=/none.crt',
      'store_unreachable',
      /^PostgreSQL: .*none\.crt/,
    ],
  ] as const)
    await assert.rejects(openStores(t, url), { code, detail })
})

test('a start that cannot connect says why', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  for (const [part, value, reason] of [
    ['username', 'nobody', /: role "nobody" does not exist\.$/],
    ['pathname', '/missing', /: database "missing" does not exist\.$/],
    ['port', '1', /: connect ECONNREFUSED 127\.0\.0\.1:1\.$/],
  ] as const) {
    const wrong = Object.assign(new URL(url), { [part]: value }).href
    await assert.rejects(openStores(t, wrong), { code: 'store_unreachable', message: reason }, part)
  }
})

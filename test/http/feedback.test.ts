/** Judgements of hits: recorded once, read as lines, deleted with what they refer to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const gallery = '/v1/galleries/g'
const url = `${gallery}/feedback`

interface Line {
  cursor: string
  query: { id?: string; contentHash?: string; key?: string }
  queryHash?: string
  queryLabel?: string | null
  hit: string
  hitHash: string
  hitLabel: string | null
  verdict: string
  by: string
  at: string
  rank?: number
  score?: number
  modelId: string
}

async function put(app: TestApp, id: string, seed: number, status = 201): Promise<Answer> {
  const image = (await drawImage('circle', seed)).toString('base64')
  return app.call(status, {
    method: 'PUT',
    url: `${gallery}/images/${id}`,
    payload: { image, label: `label of ${id}` },
  })
}

async function filled(app: TestApp, ids = ['a', 'b', 'c']): Promise<void> {
  await app.call(201, { method: 'PUT', url: gallery })
  for (const [seed, id] of ids.entries()) await put(app, id, seed)
}

async function linesOf({ app }: TestApp, query = ''): Promise<Line[]> {
  const response = await app.inject(`${url}${query}`)
  assert.equal(response.headers['content-type'], 'application/x-ndjson')
  return response.body
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
}

const give = (app: TestApp, payload: object) => app.call<Record<string, unknown>>(200, { method: 'POST', url, payload })

test('judgements are stored once per query, hit and judge, and the last verdict counts', async (t) => {
  const app = await startApp(t)
  await filled(app)
  const judged = {
    query: { id: 'a' },
    hits: [
      { id: 'b', verdict: 'right', rank: 1, score: 0.93 },
      { id: 'c', verdict: 'wrong' },
    ],
    by: 'ann',
    at: '2026-11-26T11:00:00+01:00',
  }
  assert.deepEqual(await give(app, judged), {
    gallery: 'g',
    recorded: 2,
    changed: 0,
    withdrawn: 0,
    unchanged: 0,
    stored: 2,
  })
  assert.deepEqual(await give(app, judged), {
    gallery: 'g',
    recorded: 0,
    changed: 0,
    withdrawn: 0,
    unchanged: 2,
    stored: 2,
  })
  assert.equal((await give(app, { ...judged, by: undefined })).recorded, 2, 'another judge')
  const [first] = await linesOf(app)
  const record = (id: string) => app.call(200, { url: `${gallery}/images/${id}` })
  assert.deepEqual(
    { ...first, cursor: '', modelId: '' },
    {
      cursor: '',
      query: { id: 'a' },
      queryHash: (await record('a')).contentHash,
      queryLabel: 'label of a',
      hit: 'b',
      hitHash: (await record('b')).contentHash,
      hitLabel: 'label of b',
      verdict: 'right',
      by: 'ann',
      at: '2026-11-26T10:00:00.000Z',
      modelId: '',
      rank: 1,
      score: 0.93,
    },
  )
  const changed = await give(app, { query: { id: 'a' }, hits: [{ id: 'b', verdict: 'wrong' }], by: 'ann' })
  assert.deepEqual([changed.changed, changed.stored], [1, 4])
  const lines = await linesOf(app)
  assert.deepEqual(
    lines.map(({ hit, by, verdict }) => [hit, by, verdict]),
    [
      ['c', 'ann', 'wrong'],
      ['b', 'anonymous', 'right'],
      ['c', 'anonymous', 'wrong'],
      ['b', 'ann', 'wrong'],
    ],
    'what changed is read again',
  )
  assert.match((await app.app.inject('/metrics')).body, /alike_feedback_judgements_total\{verdict="right"\} 3/)
})

test('a judgement is withdrawn by its judge only, and can be given again', async (t) => {
  const app = await startApp(t, { feedbackMax: 2 })
  await filled(app)
  const say = (by: string, verdict: string) => give(app, { query: { id: 'a' }, hits: [{ id: 'b', verdict }], by })
  await say('ann', 'right')
  await say('ben', 'wrong')
  assert.deepEqual(await say('cas', 'none'), {
    gallery: 'g',
    recorded: 0,
    changed: 0,
    withdrawn: 0,
    unchanged: 1,
    stored: 2,
  })
  assert.deepEqual(await say('ann', 'none'), {
    gallery: 'g',
    recorded: 0,
    changed: 0,
    withdrawn: 1,
    unchanged: 0,
    stored: 1,
  })
  assert.deepEqual(
    (await linesOf(app)).map(({ by }) => by),
    ['ben'],
  )
  assert.equal((await say('ann', 'wrong')).stored, 2)
  const metrics = (await app.app.inject('/metrics')).body
  assert.match(metrics, /alike_feedback_judgements_total\{verdict="none"\} 2/)
})

test('a query may be a content hash or the caller’s own key; lines continue after a cursor, over any number of pages', async (t) => {
  const app = await startApp(t)
  const ids = Array.from({ length: 3 }, (_, i) => `p${i}`)
  await filled(app, ids)
  const hash = 'ab'.repeat(32)
  await give(app, { query: { contentHash: hash }, hits: [{ id: 'p0', verdict: 'right' }] })
  for (let i = 0; i < 250; i++)
    await give(app, { query: { key: `search ${i}` }, hits: [{ id: 'p1', verdict: 'wrong' }] })
  const all = await linesOf(app)
  assert.equal(all.length, 251)
  assert.deepEqual([all[0]?.query, all[0]?.queryHash, 'queryLabel' in all[0]!], [{ contentHash: hash }, hash, false])
  assert.deepEqual([all[1]?.query, 'queryHash' in all[1]!], [{ key: 'search 0' }, false])
  assert.deepEqual(await linesOf(app, `?cursor=${all[119]!.cursor}`), all.slice(120))
  assert.deepEqual(await linesOf(app, `?cursor=${all[9]!.cursor}&limit=150`), all.slice(10, 160))
  assert.deepEqual(await linesOf(app, `?cursor=${all.at(-1)!.cursor}`), [])
})

test('judgements are read by query and by person', async (t) => {
  const app = await startApp(t)
  await filled(app, ['é', 'b'])
  const hash = 'ab'.repeat(32)
  const queries = [{ id: 'é' }, { contentHash: hash }, { key: 'k' }]
  for (const query of queries)
    for (const by of ['ann', 'ben']) await give(app, { query, hits: [{ id: 'b', verdict: 'right' }], by })
  const read = async (query: string) => (await linesOf(app, query)).map(({ query, by }) => [query, by])
  const composed = encodeURIComponent('é'.normalize('NFC'))
  assert.deepEqual(await read(`?queryId=${composed}&by=ann`), [[{ id: 'é' }, 'ann']])
  assert.deepEqual(await read(`?queryId=${encodeURIComponent('é'.normalize('NFD'))}&by=ann`), [[{ id: 'é' }, 'ann']])
  assert.deepEqual(await read(`?queryContentHash=${hash}`), [
    [{ contentHash: hash }, 'ann'],
    [{ contentHash: hash }, 'ben'],
  ])
  assert.deepEqual(await read('?queryKey=k&limit=1'), [[{ key: 'k' }, 'ann']])
  assert.equal((await read('?by=ben')).length, 3)
  assert.deepEqual(await read('?queryId=none'), [])
  assert.equal((await app.call(400, { url: `${url}?queryId=b&queryKey=k` })).code, 'request_invalid')
})

test('judgements are deleted with the pictures they name and with their gallery, and survive a restart', async (t) => {
  const dataDir = await temporaryFolder(t)
  const app = await startApp(t, { dataDir })
  await filled(app)
  for (const [query, hit] of ['ab', 'ac', 'ba', 'bc', 'ca', 'cb'])
    await give(app, { query: { id: query }, hits: [{ id: hit, verdict: 'right' }] })
  const pairs = async (of: TestApp) => (await linesOf(of)).map(({ query, hit }) => `${query.id}${hit}`)
  await app.call(204, { method: 'DELETE', url: `${gallery}/images/a` })
  assert.deepEqual(await pairs(app), ['bc', 'cb'])
  await put(app, 'b', 1, 200)
  assert.deepEqual(await pairs(app), ['bc', 'cb'], 'the same picture is put again')
  await app.close()

  const again = await startApp(t, { dataDir, modelDir: app.config.modelDir })
  assert.deepEqual(await pairs(again), ['bc', 'cb'])
  await put(again, 'b', 77, 200)
  assert.deepEqual(await pairs(again), [], 'another picture has taken its place')
  await give(again, { query: { id: 'c' }, hits: [{ id: 'b', verdict: 'right' }] })
  await again.call(200, { method: 'DELETE', url: `${gallery}/images?label=label%20of%20b` })
  assert.deepEqual(await pairs(again), [])
  await give(again, { query: { key: 'k' }, hits: [{ id: 'c', verdict: 'right' }] })
  await again.call(204, { method: 'DELETE', url: gallery })
  await filled(again)
  assert.deepEqual(await pairs(again), [])
})

test('a request with an invalid judgement is refused as a whole', async (t) => {
  const app = await startApp(t, { feedbackMax: 2 })
  await filled(app)
  const right = (id: string) => ({ id, verdict: 'right' })
  const rows: [status: number, code: string, payload: object][] = [
    [400, 'request_invalid', { query: {}, hits: [right('a')] }],
    [400, 'request_invalid', { query: { id: 'a', key: 'k' }, hits: [right('b')] }],
    [400, 'request_invalid', { query: { id: 'a' }, hits: [] }],
    [400, 'request_invalid', { query: { id: 'a' }, hits: [{ id: 'b', verdict: 'maybe' }] }],
    [400, 'request_invalid', { query: { id: 'a' }, hits: [right('b')], at: 'yesterday' }],
    [400, 'request_invalid', { query: { id: 'a' }, hits: [right('b')], at: '2026-06-30T23:59:60Z' }],
    [404, 'image_not_found', { query: { id: 'a' }, hits: [right('b'), right('none')] }],
    [404, 'image_not_found', { query: { id: 'none' }, hits: [right('b')] }],
    [409, 'feedback_full', { query: { key: 'k' }, hits: [right('a'), right('b'), right('c')] }],
  ]
  for (const [status, code, payload] of rows)
    assert.equal((await app.call(status, { method: 'POST', url, payload })).code, code, JSON.stringify(payload))
  assert.deepEqual(await linesOf(app), [])
  assert.equal((await give(app, { query: { key: 'k' }, hits: [right('a'), right('b')] })).stored, 2)
  assert.equal((await app.call(400, { url: `${url}?cursor=x` })).code, 'request_invalid')
  assert.equal((await app.call(404, { url: '/v1/galleries/none/feedback' })).code, 'gallery_not_found')
})

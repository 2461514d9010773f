import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import sharp from 'sharp'
import type { Static } from 'typebox'
import type { GalleryFields } from '../../src/http/schemas/fields.js'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { type FormPart, formBody, formHeaders } from '../support/forms.js'

const jpeg = { 'content-type': 'image/jpeg' }
const gallery = '/v1/galleries/pictures'
const make = (app: TestApp) => app.call(201, { method: 'PUT', url: gallery })

test('a picture is stored, read, changed, listed and deleted', async (t) => {
  const app = await startApp(t)
  await make(app)
  const picture = await drawImage('circle', 1)
  const url = `${gallery}/images/${encodeURIComponent('folder/a picture #1.jpg')}`

  const put = await app.app.inject({ method: 'PUT', url: `${url}?label=circle`, headers: jpeg, payload: picture })
  assert.equal(put.statusCode, 201)
  assert.equal(put.headers.location, url)
  const record = put.json<Answer>()
  assert.equal(record.id, 'folder/a picture #1.jpg')
  assert.equal(record.label, 'circle')
  assert.equal(record.contentHash, createHash('sha256').update(picture).digest('hex'))
  assert.deepEqual([record.width, record.height, record.format, record.bytes], [96, 72, 'jpeg', picture.length])
  assert.equal('slot' in record, false)

  assert.deepEqual(await app.call(200, { method: 'GET', url }), record)
  const head = await app.app.inject({ method: 'HEAD', url })
  assert.deepEqual([head.statusCode, head.body], [200, ''])

  const changed = await app.call(200, {
    method: 'PATCH',
    url,
    payload: { label: null, metadata: { a: [1, { b: null }] } },
  })
  assert.equal(changed.label, null)
  assert.deepEqual(changed.metadata, { a: [1, { b: null }] })
  assert.equal((await app.call(200, { method: 'PATCH', url, payload: { label: 'round' } })).label, 'round')
  assert.deepEqual((await app.call(200, { method: 'GET', url })).metadata, { a: [1, { b: null }] })

  assert.equal((await app.call(200, { method: 'GET', url: `${gallery}/images` })).images.length, 1)
  await app.call(204, { method: 'DELETE', url })
  for (const method of ['GET', 'DELETE', 'HEAD'] as const)
    assert.equal((await app.app.inject({ method, url })).statusCode, 404)
  assert.equal((await app.call(404, { method: 'PATCH', url, payload: { label: 'x' } })).code, 'image_not_found')
  assert.equal((await app.call(404, { method: 'GET', url: `${url}/thumbnail` })).code, 'image_not_found')
})

test('storing the same again changes nothing; another label or picture replaces', async (t) => {
  const app = await startApp(t)
  await make(app)
  const url = `${gallery}/images/a`
  const put = (query: string, payload: Buffer) =>
    app.app.inject({ method: 'PUT', url: `${url}${query}`, headers: jpeg, payload })
  const picture = await drawImage('circle', 1)
  const first = await put('?label=x', picture)
  const again = await put('?label=x', picture)
  assert.deepEqual([first.statusCode, again.statusCode], [201, 200])
  assert.deepEqual(again.json(), first.json())

  const relabelled = (await put('?label=y', picture)).json<Answer>()
  assert.equal(relabelled.label, 'y')
  assert.equal(relabelled.createdAt, first.json<Answer>().createdAt)
  const thumbnail = await app.app.inject({ method: 'GET', url: `${url}/thumbnail` })
  assert.equal(thumbnail.statusCode, 200, 'the thumbnail survives a change of label')

  const replaced = await put('', await drawImage('square', 9))
  assert.equal(replaced.statusCode, 200)
  assert.equal(replaced.json<Answer>().label, null)
  assert.notEqual(replaced.json<Answer>().contentHash, first.json<Answer>().contentHash)
  assert.equal((await app.call(200, { method: 'GET', url: gallery })).count, 1)
  const embedded = (await app.app.inject('/metrics')).body.match(/alike_embed_batch_size_sum (\d+)/)?.[1]
  assert.equal(embedded, '2', 'only new pictures are embedded')
})

test('a change can require that nothing, or a known state of the picture, is stored', async (t) => {
  const app = await startApp(t)
  await make(app)
  const url = `${gallery}/images/a`
  const [picture, another] = [await drawImage('circle', 1), await drawImage('square', 2)]
  const put = (headers: Record<string, string>, payload = picture) =>
    app.app.inject({ method: 'PUT', url, headers: { ...jpeg, ...headers }, payload })
  const told = ({ statusCode, json }: Awaited<ReturnType<typeof put>>) =>
    statusCode === 412 ? json<Answer>().code : statusCode

  assert.equal(told(await put({ 'if-match': '*' })), 'precondition_failed')
  const first = await put({ 'if-none-match': '*' })
  assert.equal(first.statusCode, 201)
  assert.equal(told(await put({ 'if-none-match': '*' }, another)), 'precondition_failed')
  const seen = await app.app.inject({ method: 'GET', url })
  assert.equal(seen.headers.etag, first.headers.etag)
  const known = await app.app.inject({ method: 'GET', url, headers: { 'if-none-match': seen.headers.etag } })
  assert.deepEqual([known.statusCode, known.body], [304, ''])

  const patch = (match: unknown, label: string) =>
    app.app.inject({ method: 'PATCH', url, headers: { 'if-match': String(match) }, payload: { label } })
  const weak = await patch(`"other", W/${seen.headers.etag}`, 'compressed')
  assert.equal(weak.statusCode, 200)
  let changed = await patch(String(weak.headers.etag).replace(/"$/, '-gzip"'), 'mine')
  assert.equal(changed.statusCode, 200)
  assert.notEqual(changed.headers.etag, seen.headers.etag)
  for (const before of [',', '"a"\t,, ,\t']) {
    changed = await patch(`${before}${changed.headers.etag},`, 'mine')
    assert.equal(changed.statusCode, 200, before)
  }
  assert.equal(told(await patch(seen.headers.etag, 'late')), 'precondition_failed')
  assert.equal(told(await put({ 'if-match': seen.headers.etag! }, another)), 'precondition_failed')
  const { label, contentHash } = await app.call(200, { method: 'GET', url })
  assert.deepEqual([label, contentHash], ['mine', first.json<Answer>().contentHash])
  const embedded = (await app.app.inject('/metrics')).body.match(/alike_embed_batch_size_sum (\d+)/)?.[1]
  assert.equal(embedded, '1', 'a refused picture is not embedded')

  const remove = (match: unknown) =>
    app.app.inject({ method: 'DELETE', url, headers: { 'if-match': String(match) } }).then(told)
  assert.equal(await remove(seen.headers.etag), 'precondition_failed')
  assert.equal(await remove(changed.headers.etag), 204)
  assert.equal(await remove(changed.headers.etag), 404, 'as without a condition')
  for (const malformed of ['', ',', 'abc', '"a" "b"', '"a",*'])
    assert.equal((await patch(malformed, 'x')).json<Answer>().code, 'request_invalid')
})

test('of callers that change a picture at the same time, each knowing its state, none is overwritten', async (t) => {
  const app = await startApp(t)
  await make(app)
  const url = `${gallery}/images/counter`
  await app.call(201, { method: 'PUT', url, headers: jpeg, payload: await drawImage('circle', 1) })
  const count = async () => {
    for (;;) {
      const read = await app.app.inject({ method: 'GET', url })
      const metadata = { count: Number(read.json<Answer>().metadata.count ?? 0) + 1 }
      const headers = { 'if-match': read.headers.etag }
      if ((await app.app.inject({ method: 'PATCH', url, headers, payload: { metadata } })).statusCode === 200) return
    }
  }
  await Promise.all(Array.from({ length: 8 }, count))
  assert.deepEqual((await app.call(200, { method: 'GET', url })).metadata, { count: 8 })
})

test('POST stores under the content hash; forms and JSON carry label and metadata', async (t) => {
  const app = await startApp(t)
  await make(app)
  const picture = await drawImage('cross', 4)
  const form = formBody([
    { name: 'label', content: 'cross' },
    { name: 'metadata', content: '{"n":1}' },
    { name: 'image', filename: 'x.jpg', content: picture },
  ])
  const record = await app.call(201, { method: 'POST', url: `${gallery}/images`, headers: formHeaders, payload: form })
  assert.equal(record.id, record.contentHash)
  assert.deepEqual([record.label, record.metadata], ['cross', { n: 1 }])
  const json = { image: picture.toString('base64'), label: 'cross', metadata: { n: 1 } }
  assert.deepEqual(await app.call(200, { method: 'POST', url: `${gallery}/images`, payload: json }), record)
  assert.equal(
    (await app.call(400, { method: 'POST', url: `${gallery}/images?metadata=[1]`, headers: jpeg, payload: picture }))
      .code,
    'request_invalid',
  )
})

test('fields of a form may be JSON by their type, as some clients send objects', async (t) => {
  const app = await startApp(t)
  const gallery = '/v1/galleries/typed'
  await app.call(201, { method: 'PUT', url: gallery })
  const image = { name: 'image', filename: 'a.png', content: await drawImage('circle', 1, { format: 'png' }) }
  const json = (name: string, content: string) => ({ name, content, type: 'application/json;charset=UTF-8' })
  const form = (...parts: FormPart[]) => ({ headers: formHeaders, payload: formBody([image, ...parts]) })
  const put = { method: 'PUT', url: `${gallery}/images/a` } as const
  const typed = [json('label', '"circle"'), { ...json('metadata', '{"size":{"cm":3}}'), filename: 'blob' }]
  const { label, metadata } = await app.call(201, { ...put, ...form(...typed) })
  assert.deepEqual([label, metadata], ['circle', { size: { cm: 3 } }])
  const search = { method: 'POST', url: `${gallery}/search` } as const
  const found = async (...parts: FormPart[]) => (await app.call(200, { ...search, ...form(...parts) })).hits.length
  const fitting = json('filter', '{"field":"metadata.size.cm","equals":3}')
  assert.deepEqual(
    [await found(fitting), await found(fitting, json('label', '["x","y"]')), await found(json('k', '1'))],
    [1, 0, 1],
  )
  for (const [content, detail] of [
    ['{"n":12345678901234567890}', /^metadata .*12345678901234567890/],
    [`{"n":"${'x'.repeat(2 ** 18)}"}`, /^metadata is too long/],
    ['null', /^metadata /],
    ['{"a":', /^metadata is no JSON/],
  ] as const) {
    const problem = await app.call(400, { ...put, ...form(json('metadata', content)) })
    assert.match(String(problem.detail), detail)
  }
  const objects = [json('label', '{"name":"circle"}'), json('reference', '{"url":"x"}')]
  const { errors } = await app.call(400, { ...put, ...form(...objects) })
  assert.deepEqual(
    errors?.map(({ pointer, detail }) => [pointer, detail]),
    [
      ['/label', 'must be string'],
      ['/reference', 'must be string'],
    ],
  )
})

test('lists are paged, and filtered by label', async (t) => {
  const app = await startApp(t)
  await make(app)
  for (let n = 0; n < 7; n++) {
    await app.call(201, {
      method: 'PUT',
      url: `${gallery}/images/${n}${n % 2 ? '?label=odd' : ''}`,
      headers: jpeg,
      payload: await drawImage('circle', n),
    })
  }
  const seen: string[] = []
  let query = '?limit=3'
  for (let page = 0; page < 3; page++) {
    const { images, nextCursor } = await app.call(200, { method: 'GET', url: `${gallery}/images${query}` })
    seen.push(...images.map(({ id }) => id))
    assert.equal(nextCursor === undefined, page === 2)
    query = `?limit=3&cursor=${encodeURIComponent(nextCursor ?? '')}`
  }
  assert.deepEqual(seen, ['0', '1', '2', '3', '4', '5', '6'])
  const ids = async (label: string) =>
    (await app.call(200, { method: 'GET', url: `${gallery}/images?label=${label}` })).images.map(({ id }) => id)
  assert.deepEqual(await ids('odd'), ['1', '3', '5'])
  assert.deepEqual(await ids(''), ['0', '2', '4', '6'])
  assert.deepEqual(
    await app
      .call(200, { method: 'GET', url: `${gallery}/labels` })
      .then(({ labels }) => labels.map(({ label, count }) => [label, count]).sort()),
    [
      [null, 4],
      ['odd', 3],
    ],
  )
  for (const bad of ['cursor=%00nonsense', 'limit=0', 'limit=1001', 'page=2']) {
    assert.equal((await app.call(400, { method: 'GET', url: `${gallery}/images?${bad}` })).code, 'request_invalid', bad)
  }
})

test('thumbnails are small JPEG pictures that clients may cache', async (t) => {
  const app = await startApp(t, { thumbnailMaxSidePixels: 32 })
  await make(app)
  await app.call(201, {
    method: 'PUT',
    url: `${gallery}/images/a`,
    headers: jpeg,
    payload: await drawImage('circle', 1),
  })
  const url = `${gallery}/images/a/thumbnail`
  const thumbnail = await app.app.inject(url)
  assert.equal(thumbnail.headers['content-type'], 'image/jpeg')
  assert.equal(thumbnail.headers['cache-control'], 'private, no-cache')
  const { format, width, height } = await sharp(thumbnail.rawPayload).metadata()
  assert.deepEqual([format, width, height], ['jpeg', 32, 24])
  const kept = await app.app.inject({ url, headers: { 'if-none-match': String(thumbnail.headers.etag) } })
  assert.deepEqual([kept.statusCode, kept.body], [304, ''])
  await app.call(200, {
    method: 'PUT',
    url: `${gallery}/images/a`,
    headers: jpeg,
    payload: await drawImage('cross', 1),
  })
  assert.equal(
    (await app.app.inject({ url, headers: { 'if-none-match': String(thumbnail.headers.etag) } })).statusCode,
    200,
  )
})

test('galleries are created once, listed, and deleted with everything in them', async (t) => {
  const app = await startApp(t)
  const made = await app.call(201, { method: 'PUT', url: gallery, payload: { settings: { owner: 'desk' } } })
  assert.deepEqual(
    [made.name, made.count, made.dimension, made.searchable, made.settings],
    ['pictures', 0, 24, true, { owner: 'desk' }],
  )
  assert.deepEqual(await app.call(200, { method: 'PUT', url: gallery, payload: { settings: { owner: 'desk' } } }), made)
  assert.equal(
    (await app.call(409, { method: 'PUT', url: gallery, payload: { settings: { owner: 'else' } } })).code,
    'gallery_exists',
  )
  await app.call(201, {
    method: 'PUT',
    url: `${gallery}/images/a`,
    headers: jpeg,
    payload: await drawImage('circle', 1),
  })
  assert.deepEqual(
    (await app.call(200, { method: 'GET', url: '/v1/galleries' })).galleries.map(({ name, count }) => [name, count]),
    [['pictures', 1]],
  )
  await app.call(204, { method: 'DELETE', url: gallery })
  assert.equal((await app.call(404, { method: 'GET', url: gallery })).code, 'gallery_not_found')
  assert.equal((await app.call(404, { method: 'DELETE', url: gallery })).code, 'gallery_not_found')
  await make(app)
  assert.equal((await app.call(200, { method: 'GET', url: `${gallery}/images` })).images.length, 0)
  for (const name of ['-x', 'a b', 'ä', 'a'.repeat(65)])
    await app.call(400, { method: 'PUT', url: `/v1/galleries/${encodeURIComponent(name)}` })
})

test('filters match a list and the fields of a gallery', async (t) => {
  const app = await startApp(t)
  await make(app)
  for (let number = 0; number < 6; number++) {
    const metadata = JSON.stringify({ year: 2020 + number, place: { city: number < 2 ? 'Rome' : 'Oslo' } })
    const parameters = new URLSearchParams({
      metadata,
      ...(number < 4 && { label: number % 2 === 0 ? 'even' : 'odd' }),
    })
    const url = `${gallery}/images/p${number}?${parameters.toString()}`
    await app.call(201, { method: 'PUT', url, headers: jpeg, payload: await drawImage('square', number) })
  }
  const list = async (query: Record<string, string>) => {
    const answer = await app.call(200, {
      method: 'GET',
      url: `${gallery}/images?${new URLSearchParams(query).toString()}`,
    })
    return { ids: answer.images.map(({ id }) => id).join(' '), next: answer.nextCursor }
  }
  const recent = JSON.stringify({ field: 'metadata.year', gte: 2022 })
  assert.deepEqual(await list({ filter: recent }), { ids: 'p2 p3 p4 p5', next: undefined })
  assert.equal((await list({ filter: recent, label: 'even' })).ids, 'p2')
  assert.equal((await list({ filter: recent, label: '' })).ids, 'p4 p5')
  const first = await list({ filter: recent, limit: '3' })
  assert.equal(first.ids, 'p2 p3 p4')
  assert.deepEqual(await list({ filter: recent, cursor: first.next! }), { ids: 'p5', next: undefined })
  for (const filter of ['{', '{"field":"size","equals":1}'])
    assert.equal(
      (await app.call(400, { method: 'GET', url: `${gallery}/images?filter=${encodeURIComponent(filter)}` })).code,
      'filter_invalid',
    )

  const { examined, fields, moreFields } = await app.call<Static<typeof GalleryFields>>(200, {
    method: 'GET',
    url: `${gallery}/fields`,
  })
  assert.deepEqual([examined, moreFields], [6, false])
  assert.deepEqual(
    fields.map(({ name, types, images }) => [name, types.join(), images]),
    [
      ['label', 'text', 4],
      ['metadata.place.city', 'text', 6],
      ['metadata.year', 'number', 6],
    ],
  )
  assert.deepEqual(fields[1]!.values[0], { value: 'Oslo', images: 4 })
  assert.deepEqual([fields[2]!.values[0], fields[2]!.range], [{ value: 2020, images: 1 }, [2020, 2025]])
  assert.equal((await app.call(404, { method: 'GET', url: '/v1/galleries/none/fields' })).code, 'gallery_not_found')
})

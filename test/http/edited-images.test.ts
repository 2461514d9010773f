/** Changes of one picture, of all that match, and by lines, with metadata replaced or merged. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, errorsOf, sendJob } from '../support/jobs.js'

const gallery = '/v1/galleries/pictures'
const ndjson = { 'content-type': 'application/x-ndjson' }
const linesOf = (...lines: object[]) => Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

/** @param metadataOf by id */
async function filled(t: TestContext, metadataOf: Record<string, object>) {
  const app = await startApp(t, { metadataMaxBytes: 200 })
  await app.call(201, { method: 'PUT', url: gallery })
  const payload = await drawImage('circle', 1)
  for (const [id, metadata] of Object.entries(metadataOf)) {
    const query = new URLSearchParams({ label: 'old', metadata: JSON.stringify(metadata) })
    const url = `${gallery}/images/${id}?${query}`
    await app.call(201, { method: 'PUT', url, headers: { 'content-type': 'image/jpeg' }, payload })
  }
  const patch = (status: number, id: string, payload: object, headers: Record<string, string> = {}) =>
    app.call(status, { method: 'PATCH', url: `${gallery}/images/${id}`, payload, headers })
  const patchAll = (status: number, selected: Record<string, string>, payload: object) =>
    app.call(status, { method: 'PATCH', url: `${gallery}/images?${new URLSearchParams(selected)}`, payload })
  const stored = async () => {
    const { images } = await app.call<{ images: { id: string; label: string; metadata: object }[] }>(200, {
      method: 'GET',
      url: `${gallery}/images`,
    })
    return images.map(({ id, label, metadata }) => [id, label, metadata])
  }
  return { app, patch, patchAll, stored }
}

test('members are merged into the metadata of a picture, under its condition', async (t) => {
  const { app, patch } = await filled(t, { a: { kept: 1, changed: { x: 1, y: 2 }, gone: true } })
  const mergeMetadata = { changed: { y: 3 }, gone: null, more: [null] }
  const changed = await patch(200, 'a', { label: 'new', mergeMetadata })
  assert.deepEqual([changed.label, changed.metadata], ['new', { kept: 1, changed: { x: 1, y: 3 }, more: [null] }])
  const { headers } = await app.app.inject({ method: 'GET', url: `${gallery}/images/a` })
  await patch(200, 'a', { mergeMetadata: { n: 1 } }, { 'if-match': String(headers.etag) })
  const late = await patch(412, 'a', { mergeMetadata: { n: 2 } }, { 'if-match': String(headers.etag) })
  assert.equal(late.code, 'precondition_failed')
  assert.equal((await patch(404, 'none', { mergeMetadata: {} })).code, 'image_not_found')
  await Promise.all(Array.from({ length: 6 }, (_, i) => patch(200, 'a', { mergeMetadata: { [`m${i}`]: i } })))
  const now = await app.call(200, { method: 'GET', url: `${gallery}/images/a` })
  assert.equal(Object.keys(now.metadata).length, 10)
})

test('every picture that matches is changed, and told how many', async (t) => {
  const { patchAll, stored } = await filled(t, { a: { year: 1999 }, b: { year: 2020, by: 'x' }, c: { year: 2021 } })
  const filter = JSON.stringify({ field: 'metadata.year', gte: 2000 })
  const recent = await patchAll(200, { filter }, { label: 'recent', mergeMetadata: { checked: true, by: null } })
  assert.deepEqual(recent, { changed: 2 })
  assert.deepEqual(await stored(), [
    ['a', 'old', { year: 1999 }],
    ['b', 'recent', { year: 2020, checked: true }],
    ['c', 'recent', { year: 2021, checked: true }],
  ])
  assert.deepEqual(await patchAll(200, { label: 'recent', filter }, { label: null, metadata: {} }), { changed: 2 })
  assert.deepEqual(await patchAll(200, { label: 'recent' }, { label: 'x' }), { changed: 0 })
  const all = JSON.stringify({ field: 'id', exists: true })
  assert.deepEqual(await patchAll(200, { filter: all }, { label: 'all' }), { changed: 3 })
  assert.deepEqual(
    (await stored()).map(([, label]) => label),
    ['all', 'all', 'all'],
  )
})

test('what cannot be stored is refused, naming the picture where it depends on one', async (t) => {
  const { patch, patchAll, stored } = await filled(t, { a: { text: 'x'.repeat(100) }, b: {} })
  const before = await stored()
  assert.match(String((await patchAll(400, {}, { label: 'x' })).detail), /filter or label must select/)
  assert.match(String((await patch(400, 'a', { metadata: {}, mergeMetadata: {} })).detail), /excludes metadata/)
  assert.equal((await patch(400, 'a', {})).code, 'request_invalid')
  assert.equal((await patchAll(400, { label: 'old' }, { mergeMetadata: 'x' })).code, 'request_invalid')
  const long = { mergeMetadata: { more: 'y'.repeat(100) } }
  assert.equal((await patch(409, 'a', long)).code, 'metadata_too_large')
  const tooLarge = await patchAll(409, { label: 'old', filter: '{"field":"id","equals":"a"}' }, long)
  assert.match(String(tooLarge.detail), /metadata of a would/)
  assert.match(
    String((await patch(400, 'a', { mergeMetadata: { y: 'y'.repeat(300) } })).detail),
    /mergeMetadata has more than 200/,
  )
  assert.deepEqual(await stored(), before)
})

test('lines merge metadata as PATCH does; the ones that cannot are lines of the report', async (t) => {
  const { app, stored } = await filled(t, { a: { text: 'x'.repeat(100), gone: 1 }, b: { by: 'x' } })
  const lines = linesOf(
    { patch: { id: 'a', mergeMetadata: { n: 1, gone: null } } },
    { patch: { id: 'a', mergeMetadata: { more: 'y'.repeat(100) } } },
    { patch: { id: 'b', label: null, mergeMetadata: { by: { name: 'y' } } } },
    { patch: { id: 'b', mergeMetadata: { by: { age: 7 } } } },
    { patch: { id: 'b', metadata: {}, mergeMetadata: {} } },
    { patch: { id: 'b', mergeMetadata: { long: 'z'.repeat(300) } } },
  )
  const job = await endedJob(app, await sendJob(app, gallery, ndjson, lines))
  assert.deepEqual([job.updated, job.failed], [3, 3])
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ name, code, detail }) => [name, code, detail]),
    [
      ['a', 'metadata_too_large', 'Merged with what is stored, the metadata would exceed the maximum size.'],
      ['line 5', 'line_invalid', 'The line is invalid. patch.mergeMetadata excludes metadata.'],
      ['line 6', 'line_invalid', 'The line is invalid. patch.mergeMetadata has more than 200 bytes as JSON.'],
    ],
  )
  assert.deepEqual(await stored(), [
    ['a', 'old', { text: 'x'.repeat(100), n: 1 }],
    ['b', null, { by: { name: 'y', age: 7 } }],
  ])
})

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { handmadeModel } from '../support/handmade-onnx.js'

const png = { 'content-type': 'image/png' }
const draw = (label: 'circle' | 'square' | 'stripes' | 'cross', seed: number) =>
  drawImage(label, seed, { format: 'png' })

async function filledApp(t: TestContext, overrides = {}): Promise<TestApp> {
  const app = await startApp(t, overrides)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/shapes' })
  for (const label of ['circle', 'square'] as const) {
    for (const seed of [1, 2, 3]) {
      const url = `/v1/galleries/shapes/images/${label}-${seed}?label=${label}&metadata=${encodeURIComponent(`{"seed":${seed}}`)}`
      await app.call(201, { method: 'PUT', url, headers: png, payload: await draw(label, seed) })
    }
  }
  return app
}

const url = '/v1/galleries/shapes/search'

test('the same picture is found first, whichever way it is sent', async (t) => {
  const app = await filledApp(t)
  const picture = await draw('square', 2)
  const rows = [
    { name: 'raw', url: `${url}?k=3`, headers: png, payload: picture },
    {
      name: 'raw, unnamed type',
      url: `${url}?k=3`,
      headers: { 'content-type': 'application/octet-stream' },
      payload: picture,
    },
    {
      name: 'form',
      url,
      headers: formHeaders,
      payload: formBody([
        { name: 'k', content: '3' },
        { name: 'image', filename: 'a.png', content: picture },
      ]),
    },
    {
      name: 'form, parameters last',
      url,
      headers: formHeaders,
      payload: formBody([
        { name: 'image', filename: 'a.png', content: picture },
        { name: 'k', content: '3' },
      ]),
    },
    { name: 'base64', url, payload: { image: picture.toString('base64'), k: 3 } },
    {
      name: 'data URL, parameters in the address',
      url: `${url}?k=3`,
      payload: { image: `data:image/png;base64,${picture.toString('base64')}` },
    },
    { name: 'stored id', url, payload: { imageId: 'square-2', includeSelf: true, k: 3 } },
    { name: 'stored id in the address', url: `${url}?imageId=square-2&includeSelf=true&k=3` },
  ]
  for (const { name, ...request } of rows) {
    const answer = await app.call(200, { method: 'POST', ...request })
    assert.equal(answer.hits.length, 3, name)
    assert.equal(answer.hits[0]?.id, 'square-2', name)
    assert.ok(answer.hits[0].score > 0.9999, name)
    assert.deepEqual(
      answer.hits.map(({ rank }) => rank),
      [1, 2, 3],
      name,
    )
    assert.equal(answer.hits[0].label, 'square')
    assert.equal(answer.hits[0].modelId, answer.modelId)
    assert.equal(answer.method, 'exact')
    assert.deepEqual(Object.keys(answer.durations).sort(), ['decodeMs', 'embedMs', 'queueMs', 'searchMs', 'totalMs'])
    for (const duration of Object.values(answer.durations)) assert.ok(duration >= 0)
  }
})

test('a stored picture is not a hit of its own search', async (t) => {
  const app = await filledApp(t)
  const answer = await app.call(200, { method: 'POST', url, payload: { imageId: 'circle-1', k: 100 } })
  assert.equal(answer.hits.length, 5)
  assert.ok(answer.hits.every(({ id }) => id !== 'circle-1'))
})

test('k, offset, minScore, labels and include shape the response', async (t) => {
  const app = await filledApp(t)
  const payload = await draw('circle', 1)
  const search = (query: string) => app.call(200, { method: 'POST', url: `${url}?${query}`, headers: png, payload })

  const all = (await search('k=6')).hits
  assert.equal(all.length, 6)
  assert.deepEqual((await search('k=2&offset=3')).hits, all.slice(3, 5))
  const threshold = all[2]!.score
  assert.deepEqual(
    (await search(`k=6&minScore=${threshold}`)).hits.map(({ id }) => id),
    all.slice(0, 3).map(({ id }) => id),
  )
  assert.ok((await search('k=6&label=square')).hits.every(({ label }) => label === 'square'))
  assert.equal((await search('k=6&label=square&label=circle')).hits.length, 6)
  assert.equal((await search('k=6&label=')).hits.length, 0)
  assert.deepEqual((await search('k=1&include=metadata')).hits[0]?.metadata, { seed: 1 })
  assert.equal('metadata' in all[0]!, false)
  assert.deepEqual((await search('k=6&exact=true&ef=500')).hits, all)
})

test('a region searches with that part of the picture', async (t) => {
  const app = await filledApp(t)
  const payload = await draw('circle', 1)
  const search = (region: string) =>
    app.call(200, { method: 'POST', url: `${url}?k=1&region=${region}`, headers: png, payload })
  assert.equal((await search('0,0,1,1')).hits[0]?.id, 'circle-1')
  assert.notEqual((await search('0,0,0.2,0.2')).hits[0]?.score, (await search('0,0,1,1')).hits[0]?.score)
  assert.deepEqual((await search('0,0,48,36px')).hits[0]?.score, (await search('0,0,0.5,0.5')).hits[0]?.score)
  const json = { image: payload.toString('base64'), region: { x: 0, y: 0, width: 48, height: 36, unit: 'pixel' } }
  assert.deepEqual(
    (await app.call(200, { method: 'POST', url, payload: json })).hits[0]?.score,
    (await search('0,0,0.5,0.5')).hits[0]?.score,
  )
  await app.call(422, { method: 'POST', url: `${url}?region=2,2,1,1`, headers: png, payload })
})

test('invalid parameters are reported with their location', async (t) => {
  const app = await filledApp(t, { searchMaxK: 1000 })
  const payload = await draw('circle', 1)
  const rows: [query: string, pointer: string][] = [
    ['k=0', '/k'],
    ['k=1000000000', '/k'],
    ['k=1e9', '/k'],
    ['k=ten', '/k'],
    ['k=1.5', '/k'],
    ['k=', '/k'],
    ['k=-1', '/k'],
    ['offset=-1', '/offset'],
    ['offset=999&k=2', '/offset'],
    ['minScore=2', '/minScore'],
    ['minScore=NaN', '/minScore'],
    ['ef=0', '/ef'],
    ['exact=perhaps', '/exact'],
    ['region=0,0,1', '/region'],
    ['include=picture', '/include/0'],
    ['colour=red', '/colour'],
  ]
  for (const [query, pointer] of rows) {
    const problem = await app.call(400, { method: 'POST', url: `${url}?${query}`, headers: png, payload })
    assert.equal(problem.code, 'request_invalid', query)
    assert.ok(
      problem.errors?.some((error) => error.pointer === pointer),
      `${query}: ${JSON.stringify(problem.errors)}`,
    )
  }
  const form = formBody([
    { name: 'k', content: '0' },
    { name: 'image', filename: 'a.png', content: payload },
  ])
  const problem = await app.call(400, { method: 'POST', url, headers: formHeaders, payload: form })
  assert.deepEqual([problem.errors?.[0]?.in, problem.errors?.[0]?.pointer], ['form', '/k'])
  const wrongTypes = await app.call(400, { method: 'POST', url, payload: { imageId: 7, k: '3' } })
  assert.deepEqual(wrongTypes.errors?.map((error) => `${error.in} ${error.pointer}`).sort(), [
    'body /imageId',
    'body /k',
  ])
  const noLabel = await app.call(400, { method: 'POST', url, payload: { imageId: 'circle-1', label: [] } })
  assert.equal(noLabel.errors?.[0]?.pointer, '/label')
})

test('unknown galleries and pictures are 404, even before a picture is decoded', async (t) => {
  const app = await filledApp(t)
  const gone = await app.call(404, {
    method: 'POST',
    url: '/v1/galleries/none/search',
    headers: png,
    payload: Buffer.alloc(10),
  })
  assert.equal(gone.code, 'gallery_not_found')
  const noImage = await app.call(404, { method: 'POST', url, payload: { imageId: 'none' } })
  assert.deepEqual([noImage.code, noImage.detail], ['image_not_found', 'There is no none.'])
})

test('with two views a picture and its mirror image are the same', async (t) => {
  const dark = await sharp({ create: { width: 8, height: 16, channels: 3, background: '#301008' } })
    .png()
    .toBuffer()
  const picture = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#40c0ff' } })
    .composite([{ input: dark, left: 0, top: 0 }])
    .png()
    .toBuffer()
  const mirrorImage = await sharp(picture).flop().png().toBuffer()
  const scoreWith = async (views: number): Promise<number> => {
    const app = await startApp(t, { queryViews: views, galleryViews: views })
    await app.call(201, { method: 'PUT', url: '/v1/galleries/shapes' })
    await app.call(201, { method: 'PUT', url: '/v1/galleries/shapes/images/one', headers: png, payload: picture })
    const { hits } = await app.call(200, { method: 'POST', url, headers: png, payload: mirrorImage })
    return hits[0]!.score
  }
  assert.ok((await scoreWith(2)) > 0.99999)
  assert.ok((await scoreWith(1)) < 0.999)
})

test('a calibrated model returns how likely a hit shares the label, and hits can be limited by it', async (t) => {
  const calibration = {
    curve: { kind: 'logistic' as const, slope: 20, intercept: -18 },
    positives: 10,
    negatives: 90,
    sameLabelShare: 0.1,
    expectedCalibrationError: 0.01,
    errorsTried: { logistic: 0.01 },
    reliability: [],
    thresholds: [],
  }
  const { folder } = await handmadeModel(t, { dimension: 24, calibration })
  const app = await filledApp(t, { modelDir: folder })
  const payload = await draw('circle', 1)
  const search = (query: string) => app.call(200, { method: 'POST', url: `${url}?k=6${query}`, headers: png, payload })

  const { hits } = await search('')
  for (const { score, pSame } of hits) assert.ok(Math.abs(pSame! - 1 / (1 + Math.exp(18 - 20 * score))) < 1e-12)
  const bound = (hits[2]!.pSame! + hits[3]!.pSame!) / 2
  assert.ok(hits[2]!.pSame! > hits[3]!.pSame!)
  assert.deepEqual((await search(`&minPSame=${bound}`)).hits, hits.slice(0, 3))
  assert.deepEqual((await search(`&minPSame=${bound}&minScore=${hits[0]!.score}`)).hits, hits.slice(0, 1))
  assert.deepEqual((await search('&minPSame=1')).hits, [], 'no score of this curve is certain')
})

test('without calibration there is no probability to limit hits by', async (t) => {
  const app = await filledApp(t)
  const request = { method: 'POST' as const, headers: png, payload: await draw('circle', 1) }
  assert.equal('pSame' in (await app.call(200, { ...request, url })).hits[0]!, false)
  assert.equal((await app.call(409, { ...request, url: `${url}?minPSame=0.5` })).code, 'model_not_calibrated')
})

test('a filter over label and metadata is accepted as JSON text and as JSON, together with labels and excluded ids', async (t) => {
  const app = await filledApp(t)
  const payload = await draw('circle', 1)
  const late = { field: 'metadata.seed', gte: 2 }
  const ids = (hits: { id: string }[]) => hits.map(({ id }) => id).sort()
  const search = async (query: Record<string, string>) =>
    ids(
      (
        await app.call(200, {
          method: 'POST',
          url: `${url}?${new URLSearchParams({ k: '6', ...query })}`,
          headers: png,
          payload,
        })
      ).hits,
    )
  assert.deepEqual(await search({ filter: JSON.stringify(late) }), ['circle-2', 'circle-3', 'square-2', 'square-3'])
  assert.deepEqual(await search({ filter: JSON.stringify(late), label: 'circle' }), ['circle-2', 'circle-3'])
  assert.deepEqual(await search({ filter: JSON.stringify({ not: late }), excludeIds: 'square-1' }), ['circle-1'])
  const json = {
    imageId: 'circle-1',
    k: 6,
    filter: { or: [{ field: 'label', equals: 'square' }, late] },
    excludeIds: ['square-1', 'square-2'],
  }
  assert.deepEqual(ids((await app.call(200, { method: 'POST', url, payload: json })).hits), [
    'circle-2',
    'circle-3',
    'square-3',
  ])

  await app.call(200, {
    method: 'PATCH',
    url: '/v1/galleries/shapes/images/circle-1',
    payload: { metadata: { seed: 9 } },
  })
  assert.ok((await search({ filter: JSON.stringify(late) })).includes('circle-1'), 'a change is seen at once')
  for (const filter of ['{', '{"field":"label","like":"x"}']) {
    const problem = await app.call(400, {
      method: 'POST',
      url: `${url}?${new URLSearchParams({ filter })}`,
      headers: png,
      payload,
    })
    assert.equal(problem.code, 'filter_invalid')
  }
})

test('a query may be a vector, several pictures, or several stored ones, with others to avoid', async (t) => {
  const app = await filledApp(t)
  const [one, two] = [await draw('square', 1), await draw('square', 2)]
  const search = (payload: object) =>
    app.call(200, { method: 'POST', url, payload: { k: 6, include: ['vector'], ...payload } })
  const [first, second] = [
    (await search({ image: one.toString('base64') })).vector!,
    (await search({ image: two.toString('base64') })).vector!,
  ]

  // its own embedding finds the picture itself
  const byVector = await search({ vector: first })
  assert.equal(byVector.hits[0]!.id, 'square-1')
  assert.ok(byVector.hits[0]!.score > 0.9999)

  // two pictures are the direction of their mean, in a form, in JSON or by id
  const mean = first.map((value, i) => value + second[i]!)
  const expected = mean.map((value) => value / Math.hypot(...mean))
  const form = formBody([
    { name: 'k', content: '6' },
    { name: 'include', content: 'vector' },
    { name: 'image', filename: 'a.png', content: one },
    { name: 'image', filename: 'b.png', content: two },
  ])
  const answers = [
    await search({ images: [one, two].map((picture) => picture.toString('base64')) }),
    await app.call(200, { method: 'POST', url, headers: formHeaders, payload: form }),
    await search({ like: ['square-1', 'square-2'], includeSelf: true }),
    await search({ imageId: 'square-1', image: two.toString('base64'), includeSelf: true }),
  ]
  for (const { vector, hits } of answers) {
    vector!.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-5))
    assert.equal(hits.length, 6)
  }
  assert.deepEqual((await search({ like: ['square-1', 'square-2'] })).hits.length, 4, 'examples are not hits')

  // away from a picture, its score falls
  const scoreOf = (hits: { id: string; score: number }[], id: string) => hits.find((hit) => hit.id === id)!.score
  const away = await search({ imageId: 'square-1', unlike: ['circle-3'], includeSelf: true })
  assert.ok(
    scoreOf(away.hits, 'circle-3') <
      scoreOf((await search({ imageId: 'square-1', includeSelf: true })).hits, 'circle-3'),
  )
})

test('vectors of another model, and too many pictures, are refused', async (t) => {
  const app = await filledApp(t)
  const unit = [1, ...Array.from({ length: 23 }, () => 0)]
  assert.equal(
    (await app.call(422, { method: 'POST', url, payload: { vector: unit.slice(1) } })).code,
    'dimension_mismatch',
  )
  assert.equal(
    (await app.call(400, { method: 'POST', url, payload: { vector: unit.map((value) => 2 * value) } })).code,
    'request_invalid',
  )
  assert.equal((await app.call(400, { method: 'POST', url, payload: { vector: ['a'] } })).code, 'request_invalid')
  assert.equal(
    (await app.call(404, { method: 'POST', url, payload: { like: ['circle-1', 'none'] } })).code,
    'image_not_found',
  )
  const picture = await draw('circle', 1)
  const many = formBody(
    Array.from({ length: 9 }, (_, i) => ({ name: 'image', filename: `${i}.png`, content: picture })),
  )
  const problem = await app.call(400, { method: 'POST', url, headers: formHeaders, payload: many })
  assert.deepEqual([problem.code, problem.errors?.[0]?.pointer], ['request_invalid', '/image'])
})

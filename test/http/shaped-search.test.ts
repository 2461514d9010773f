import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import type { ScoreCalibration } from '../../src/eval/score-calibration.js'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'

const png = { 'content-type': 'image/png' }
const labels = ['circle', 'square', 'stripes'] as const
const draw = (label: (typeof labels)[number], seed: number) => drawImage(label, seed, { format: 'png' })
const url = '/v1/galleries/shapes/search'

/** Three pictures of each label; the first of each is stored twice. */
async function filledApp(t: TestContext, overrides = {}): Promise<TestApp> {
  const app = await startApp(t, overrides)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/shapes' })
  for (const label of labels) {
    for (const seed of [1, 2, 3]) {
      const payload = await draw(label, seed)
      const metadata = encodeURIComponent(
        JSON.stringify({ seed, where: { city: seed === 3 ? ['Rome', 'Oslo'] : 'Oslo' } }),
      )
      await app.call(201, {
        method: 'PUT',
        url: `/v1/galleries/shapes/images/${label}-${seed}?label=${label}&metadata=${metadata}`,
        headers: png,
        payload,
      })
      if (seed === 1)
        await app.call(201, {
          method: 'PUT',
          url: `/v1/galleries/shapes/images/${label}%2Fcopy?label=copy`,
          headers: png,
          payload: await sharp(payload).png({ compressionLevel: 1 }).toBuffer(),
        })
    }
  }
  return app
}

const query = { imageId: 'circle-1', includeSelf: true, k: 20 }
const search = (app: TestApp, payload: object, status = 200) =>
  app.call(status, { method: 'POST', url, payload: { ...query, ...payload } })

test('hits can be grouped by label or metadata, with ranks; by default there are no groups', async (t) => {
  const app = await filledApp(t)
  const plain = await search(app, {})
  assert.equal('groups' in plain, false)
  const { hits, groups } = await search(app, { groupBy: 'label', groupSize: 2 })
  assert.deepEqual(hits, [])
  assert.deepEqual(
    groups.map(({ key }) => key),
    [...new Set(plain.hits.map(({ label }) => label))],
  )
  for (const { key, hits: members } of groups) {
    assert.deepEqual(
      members.map(({ id, score }) => [id, score]),
      plain.hits
        .filter(({ label }) => label === key)
        .slice(0, 2)
        .map(({ id, score }) => [id, score]),
    )
    assert.deepEqual(
      members.map(({ rank }) => rank),
      members.map((_, i) => i + 1),
    )
  }
  assert.deepEqual(
    groups.map(({ rank }) => rank),
    [1, 2, 3, 4],
  )
  assert.deepEqual((await search(app, { groupBy: 'label', groupSize: 2, k: 2, offset: 1 })).groups, groups.slice(1, 3))

  const cities = (await search(app, { groupBy: 'metadata.where.city', groupSize: 100, include: ['metadata'] })).groups
  assert.deepEqual(Object.fromEntries(cities.map(({ key, hits: { length } }) => [key, length])), { Oslo: 9, Rome: 3 })
  assert.ok(cities.every(({ hits: members }) => members.every(({ metadata }) => metadata !== undefined)))
  assert.deepEqual(
    (await search(app, { groupBy: 'metadata.seed', filter: { field: 'metadata.seed', gte: 2 } })).groups
      .map(({ key }) => key)
      .sort(),
    [2, 3],
  )
  // in the URL too
  assert.deepEqual(
    (
      await app.call(200, {
        method: 'POST',
        url: `${url}?imageId=circle-1&includeSelf=true&k=20&groupBy=label&groupSize=2`,
      })
    ).groups,
    groups,
  )
})

test('near-copies of better hits are hidden on request, and replaced by others up to k', async (t) => {
  const app = await filledApp(t)
  const all = (await search(app, {})).hits.map(({ id }) => id)
  assert.equal(all.length, 12)
  const shown = (await search(app, { duplicateScore: 0.99999 })).hits
  const first = (ids: string[]) =>
    ids.filter(
      (id, i) =>
        !ids
          .slice(0, i)
          .some(
            (better) =>
              better.split(/[-/]/)[0] === id.split(/[-/]/)[0] && [better, id].every((one) => /-1$|copy$/.test(one)),
          ),
    )
  assert.deepEqual(
    shown.map(({ id }) => id),
    first(all),
  )
  assert.deepEqual(
    shown.map(({ rank }) => rank),
    shown.map((_, i) => i + 1),
  )
  assert.equal((await search(app, { hideDuplicates: true, duplicateScore: 0.99999, k: 5 })).hits.length, 5)
  assert.deepEqual(
    (await search(app, { hideDuplicates: false, duplicateScore: 0.99999 })).hits.map(({ id }) => id),
    all,
  )
  // the handmade model considers all of these pictures similar: the default hides more
  assert.ok((await search(app, { hideDuplicates: true })).hits.length <= shown.length)
})

test('diversity begins with the best hit and continues with different ones', async (t) => {
  const app = await filledApp(t)
  const plain = (await search(app, {})).hits
  assert.deepEqual((await search(app, { diversity: 0 })).hits, plain)
  const diverse = (await search(app, { diversity: 0.7 })).hits
  assert.equal(diverse[0]!.id, plain[0]!.id)
  assert.deepEqual(diverse.map(({ id }) => id).sort(), plain.map(({ id }) => id).sort())
  assert.notDeepEqual(
    diverse.map(({ id }) => id),
    plain.map(({ id }) => id),
  )
  assert.deepEqual(
    diverse.map(({ rank }) => rank),
    diverse.map((_, i) => i + 1),
  )
  // the copy is second by score, and later with diversity
  const placeOf = (id: string, hits: typeof plain) => hits.findIndex((hit) => hit.id === id)
  assert.equal(placeOf('circle/copy', plain), 1)
  assert.ok(placeOf('circle/copy', diverse) > 3, String(placeOf('circle/copy', diverse)))
  assert.deepEqual(
    (await search(app, { diversity: 0.7, candidates: 2, k: 2 })).hits.map(({ id }) => id).sort(),
    plain
      .slice(0, 2)
      .map(({ id }) => id)
      .sort(),
  )
  assert.deepEqual((await search(app, { diversity: 0.7 })).hits, diverse, 'the same query gets the same answer')
})

test('a small bound of k also bounds the examined hits', async (t) => {
  const app = await filledApp(t, { searchMaxK: 4 })
  assert.equal((await search(app, { k: undefined })).hits.length, 4, 'fewer than the usual number of hits')
  assert.equal((await search(app, { k: 4, diversity: 0.5 })).hits.length, 4)
  assert.equal((await search(app, { k: 4, groupBy: 'label', groupSize: 9 })).groups.length <= 4, true)
  assert.equal((await search(app, { k: 4, vote: 5 }, 400)).errors?.[0]?.pointer, '/vote')
})

test('links to thumbnails are included on request, null if none is stored; durations are always included', async (t) => {
  const app = await filledApp(t)
  const { hits, durations } = await search(app, { include: ['thumbnail', 'durations'] })
  assert.ok('totalMs' in durations)
  for (const { id, thumbnail } of hits) {
    assert.equal(thumbnail, `/v1/galleries/shapes/images/${encodeURIComponent(id)}/thumbnail`)
    assert.equal((await app.app.inject(thumbnail!)).headers['content-type'], 'image/jpeg')
  }
  const plain = await search(app, {})
  assert.ok('totalMs' in plain.durations)
  assert.ok(plain.hits.every((hit) => !('thumbnail' in hit)))
  const bare = await filledApp(t, { thumbnailMaxSidePixels: 0 })
  assert.ok((await search(bare, { include: ['thumbnail'] })).hits.every(({ thumbnail }) => thumbnail === null))
})

const calibration: ScoreCalibration = {
  curve: { kind: 'logistic', slope: 20, intercept: -18 },
  positives: 10,
  negatives: 90,
  sameLabelShare: 0.1,
  expectedCalibrationError: 0.01,
  errorsTried: { logistic: 0.01 },
  reliability: [],
  thresholds: [
    { falseMatchRate: 0.1, score: 0.5, matchRate: 0.9 },
    { falseMatchRate: 0.01, score: 0.99999, matchRate: 0.5 },
  ],
}

test('the best hits vote on the label, and a best hit below the calibrated threshold is not a match', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24, calibration })
  const app = await filledApp(t, { modelDir: folder })
  const plain = await search(app, { k: 5 })
  assert.equal('vote' in plain, false)
  const { hits, vote } = await search(app, { k: 1, offset: 3, vote: 5, falseMatchRate: 0.1 })
  assert.equal(hits[0]!.rank, 4)
  assert.equal(vote.voters, 5)
  assert.equal(
    vote.labels.reduce((sum, { votes }) => sum + votes, 0),
    5,
  )
  const counts = vote.labels.map(({ label }) => plain.hits.filter((hit) => hit.label === label).length)
  assert.deepEqual(
    vote.labels.map(({ votes }) => votes),
    counts,
  )
  assert.deepEqual(
    [vote.match, vote.label, vote.threshold],
    [true, vote.labels[0]!.label, { ...calibration.thresholds[0], falseMatchesExpected: 1.2000000000000002 }],
  )

  // the strictest if none is given; the picture itself reaches it, another does not
  assert.equal((await search(app, { vote: 1 })).vote.threshold?.falseMatchRate, 0.01)
  assert.equal((await search(app, { vote: 1 })).vote.match, true)
  const none = (await search(app, { vote: 3, filter: { field: 'label', equals: 'stripes' } })).vote
  assert.deepEqual([none.match, none.label, none.labels[0]!.label], [false, null, 'stripes'])
  assert.deepEqual((await search(app, { vote: 3, label: ['nothing'] })).vote, {
    label: null,
    match: false,
    margin: 0,
    voters: 0,
    labels: [],
    threshold: { ...calibration.thresholds[1], falseMatchesExpected: 0 },
  })

  const unknown = await search(app, { vote: 3, falseMatchRate: 0.05 }, 400)
  assert.deepEqual([unknown.code, unknown.errors?.[0]?.pointer], ['request_invalid', '/falseMatchRate'])
  assert.match(unknown.detail!, /0\.1, 0\.01/)
})

test('an expanded query is the one that αQE makes of the best hits, and finds what that vector finds', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24, calibration })
  const app = await filledApp(t, { modelDir: folder })
  const vectorOf = async (imageId: string) => (await search(app, { imageId, include: ['vector'] })).vector!
  const filter = { field: 'label', in: ['circle', 'square'] }
  for (const given of [{}, { filter }, { filter, excludeIds: ['circle-2'] }]) {
    const plain = await search(app, { includeSelf: false, ...given })
    let sum = await vectorOf('circle-1')
    for (const { id, score } of plain.hits.slice(0, 4)) {
      const vector = await vectorOf(id)
      sum = sum.map((value, i) => value + Math.max(score, 0) ** 3 * vector[i]!)
    }
    const expanded = await search(app, { includeSelf: false, ...given, expand: 4, include: ['vector'] })
    for (const [i, value] of expanded.vector!.entries())
      assert.ok(Math.abs(value - sum[i]! / Math.hypot(...sum)) < 1e-5, `${value} instead of ${sum[i]}`)

    const found = await search(app, {
      ...{ imageId: undefined, includeSelf: undefined, vector: expanded.vector, ...given },
      excludeIds: ['circle-1', ...('excludeIds' in given ? given.excludeIds : [])],
    })
    const scores = ({ hits }: typeof found) => hits.map(({ id, score }) => [id, score.toFixed(5)])
    assert.deepEqual(scores(expanded), scores(found))
    assert.notDeepEqual(scores(expanded), scores(plain))
    assert.equal(expanded.hits.length, plain.hits.length)
  }
})

test('an expanded query has no probabilities, on no page, and no threshold', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24, calibration })
  const app = await filledApp(t, { modelDir: folder })
  const whole = await search(app, { expand: 3 })
  assert.equal('calibration' in whole, false)
  const first = await app.call<Answer & { nextPageToken: string }>(200, {
    method: 'POST',
    url,
    payload: { ...query, expand: 3, k: 5, paged: true, include: ['vector'] },
  })
  const second = await app.call(200, {
    method: 'POST',
    url,
    payload: { pageToken: first.nextPageToken, k: 7, include: ['vector'] },
  })
  assert.deepEqual([...first.hits, ...second.hits], whole.hits)
  assert.deepEqual(second.vector, first.vector)
  for (const hit of whole.hits) assert.equal('pSame' in hit, false)
  assert.ok('pSame' in (await search(app, {})).hits[0]!)

  const { vote } = await search(app, { expand: 3, vote: 3 })
  assert.deepEqual([vote.voters, 'threshold' in vote], [3, false])
  for (const [name, value] of Object.entries({ minPSame: 0.5, falseMatchRate: 0.1 })) {
    const { errors } = await search(app, { expand: 3, vote: 3, [name]: value }, 400)
    assert.deepEqual(errors, [{ in: 'body', pointer: `/${name}`, detail: 'does not go together with expand' }])
  }
})

test('without calibration there is a vote but no threshold, and none is invented', async (t) => {
  const app = await filledApp(t)
  const { vote } = await search(app, { vote: 5 })
  assert.equal(vote.voters, 5)
  assert.ok(!('match' in vote) && !('threshold' in vote))
  assert.equal((await search(app, { vote: 5, falseMatchRate: 0.01 }, 409)).code, 'model_not_calibrated')
})

test('combinations that are invalid or too expensive are reported with their location', async (t) => {
  const app = await filledApp(t)
  const rows: [given: object, pointer: string][] = [
    [{ groupBy: 'label', diversity: 0.5 }, '/diversity'],
    [{ groupBy: 'name' }, '/groupBy'],
    [{ groupBy: 'metadata', groupSize: 0 }, '/groupSize'],
    [{ groupBy: 'label', k: 501 }, '/k'],
    [{ groupBy: 'label', groupSize: 101 }, '/groupSize'],
    [{ diversity: 2 }, '/diversity'],
    [{ diversity: 0.5, k: 500, offset: 501 }, '/offset'],
    [{ hideDuplicates: true, k: 1_001 }, '/k'],
    [{ duplicateScore: 0.5, k: 1_001 }, '/k'],
    [{ duplicateScore: 1.5 }, '/duplicateScore'],
    [{ candidates: 1_001, diversity: 0.5 }, '/candidates'],
    [{ vote: 0 }, '/vote'],
    [{ vote: true }, '/vote'],
    [{ falseMatchRate: 0.1 }, '/falseMatchRate'],
    [{ include: ['everything'] }, '/include/0'],
  ]
  for (const [given, pointer] of rows) {
    const problem = await search(app, given, 400)
    assert.ok(
      problem.errors?.some((error) => error.pointer === pointer),
      `${JSON.stringify(given)}: ${JSON.stringify(problem.errors)}`,
    )
  }
})

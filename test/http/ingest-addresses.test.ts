import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRemoteImages } from '../../src/remote/remote-images.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { imageServer } from '../support/image-server.js'
import { endedJob, errorsOf, sendJob } from '../support/jobs.js'

const gallery = '/v1/galleries/addresses'

test('a list of addresses is fetched as a job: ids derived from addresses, errors by line, busy hosts retried', async (t) => {
  const [one, two] = [await drawImage('circle', 1), await drawImage('cross', 2)]
  let refusals = 2
  const { host, url } = await imageServer(t, {
    '/2024/a%20b.jpg': (response) => response.end(one),
    '/busy.jpg?size=2': (response) =>
      refusals-- > 0 ? response.writeHead(503, { 'retry-after': '0.01' }).end() : response.end(two),
    '/always-busy': (response) => response.writeHead(429, { 'retry-after': '0.01' }).end(),
  })
  const remote = openRemoteImages({
    urlAllowedHosts: host,
    urlTimeoutMs: 20_000,
    uploadMaxBytes: 1e6,
    allowLoopback: true,
  })
  const app = await startApp(t, {}, remote)
  await app.call(201, { method: 'PUT', url: gallery })
  const list = [
    '# pictures of two days',
    `${url}/2024/a%20b.jpg`,
    '',
    `  ${url}/busy.jpg?size=2`,
    `${url}/always-busy`,
    `${url}/none.jpg`,
    'no address',
    'https://elsewhere.example.com/a.jpg',
    `${url}/${'x'.repeat(600)}`,
  ].join('\r\n')
  const sent = await sendJob(
    app,
    gallery,
    { 'content-type': 'text/uri-list; charset=utf-8' },
    Buffer.from(list),
    '?label=by%20url',
  )
  assert.equal(sent.total, 8)
  const job = await endedJob(app, sent)
  assert.deepEqual([job.state, job.added, job.skipped, job.failed], ['completed_with_errors', 2, 1, 5])
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ item, code }) => [item, code]),
    [
      [3, 'url_unreachable'],
      [4, 'url_unreachable'],
      [5, 'line_invalid'],
      [6, 'url_not_allowed'],
      [7, 'line_invalid'],
    ],
  )
  const { images } = await app.call(200, { method: 'GET', url: `${gallery}/images` })
  assert.deepEqual(images.map(({ id, label }) => [id, label]).sort(), [
    [`${host}/2024/a b.jpg`, 'by url'],
    [`${host}/busy.jpg?size=2`, 'by url'],
  ])
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import type { FetchOutcome } from '../../src/metrics/intake.js'
import { openRemoteImages, type RemoteImagesOptions } from '../../src/remote/remote-images.js'
import { imageServer } from '../support/image-server.js'

function open(t: TestContext, options: Partial<RemoteImagesOptions>) {
  const outcomes: FetchOutcome[] = []
  const remote = openRemoteImages({
    urlAllowedHosts: '',
    urlTimeoutMs: 20_000,
    uploadMaxBytes: 1_000,
    allowLoopback: true,
    onFetch: (outcome) => void outcomes.push(outcome),
    ...options,
  })
  t.after(() => remote.close())
  return { remote, outcomes }
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: unknown) => (error instanceof AlikeError ? error.code : String(error)),
  )

test('a picture arrives whole from an allowed host, also over redirects', async (t) => {
  const { host, url } = await imageServer(t, {
    '/a.jpg': (response) => response.end('the bytes'),
    '/one': (response) => response.writeHead(302, { location: '/two' }).end('gone'),
    '/two': (response) => response.writeHead(307, { location: `http://${host}/three` }).end(),
    '/three': (response) => response.writeHead(301, { location: 'a.jpg' }).end(),
    '/four': (response) => response.writeHead(303, { location: '/five' }).end(),
    '/five': (response) => response.writeHead(308, { location: '/a.jpg' }).end(),
  })
  const { remote, outcomes } = open(t, { urlAllowedHosts: `example.com, ${host}` })
  for (const path of ['/a.jpg', '/one', '/four']) assert.equal(String(await remote.fetch(url + path)), 'the bytes')
  assert.deepEqual(outcomes, ['fetched', 'fetched', 'fetched'])
})

test('what comes with a redirect or a failure is not waited for, and occupies no connection', {
  timeout: 60_000,
}, async (t) => {
  const endless = (status: number, headers: Record<string, string>) => (response: ServerResponse) =>
    void response.writeHead(status, headers).write(Buffer.alloc(2 ** 20))
  const { host, url } = await imageServer(t, {
    '/a.jpg': (response) => response.end('the bytes'),
    '/moved': endless(302, { location: '/a.jpg' }),
    '/missing': endless(404, { location: '/a.jpg' }),
    '/large': endless(200, { 'content-length': '3000000' }),
    '/signed': (response) => {
      if (response.req.method === 'HEAD') response.writeHead(403).end()
      else endless(200, { 'content-length': '3000000' })(response)
    },
  })
  const { remote } = open(t, { urlAllowedHosts: host, urlTimeoutMs: 600_000 })
  for (let i = 0; i < 10; i++) {
    assert.equal(String(await remote.fetch(`${url}/moved`)), 'the bytes')
    assert.equal(await codeOf(remote.fetch(`${url}/missing`)), 'url_unreachable')
    assert.equal(await codeOf(remote.fetch(`${url}/large`)), 'image_too_large')
    assert.equal(await remote.size(`${url}/signed`), 3_000_000)
  }
})

test('the size of a picture is what its server states of the file itself, in reply to HEAD or else to GET', async (t) => {
  const stating = (headers: Record<string, string>) => (response: ServerResponse) =>
    void response.writeHead(200, headers).end()
  const { host, url, requests } = await imageServer(t, {
    '/a.jpg': stating({ 'content-length': '9' }),
    '/packed': stating({ 'content-length': '9', 'content-encoding': 'gzip' }),
    '/unstated': stating({}),
    '/signed': (response) => {
      if (response.req.method === 'HEAD') response.writeHead(403).end()
      else response.end('the bytes')
    },
    '/elsewhere': (response) => response.writeHead(302, { location: 'http://elsewhere.example.com/' }).end(),
  })
  const { remote, outcomes } = open(t, { urlAllowedHosts: host })
  const sizes = ['/a.jpg', '/packed', '/unstated', '/signed'].map((path) => remote.size(url + path))
  assert.deepEqual(await Promise.all(sizes), [9, undefined, undefined, 9])
  assert.equal(await codeOf(remote.size(`${url}/missing`)), 'url_unreachable')
  assert.equal(await codeOf(remote.size(`${url}/elsewhere`)), 'url_not_allowed')
  assert.equal(requests.filter((path) => path === '/elsewhere').length, 1)
  assert.deepEqual(outcomes, [])
})

test('a fetch that is no longer wanted ends, and so does its request', { timeout: 60_000 }, async (t) => {
  const leaving = new AbortController()
  let isClosed: Promise<unknown> | undefined
  const { host, url } = await imageServer(t, {
    '/silent': (response) => {
      isClosed = once(response, 'close')
      leaving.abort(new Error('left'))
    },
  })
  const { remote, outcomes } = open(t, { urlAllowedHosts: host, urlTimeoutMs: 600_000 })
  await assert.rejects(remote.fetch(`${url}/silent`, leaving.signal), /left/)
  await isClosed
  assert.deepEqual(outcomes, [])
})

test('non-public addresses are refused before anything is sent, however they are written', async (t) => {
  const { port, requests } = await imageServer(t, { '/': (response) => response.end('secret') })
  const hosts = [
    '127.0.0.1',
    'localhost',
    '2130706433',
    '0x7f.1',
    '127.1',
    '0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '10.1.2.3',
    '172.20.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '[fe80::1]',
    '[fd00::1]',
    '[ff02::1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
  ]
  const { remote, outcomes } = open(t, {
    urlAllowedHosts: hosts.map((name) => `${name}:${port}`).join(),
    allowLoopback: false,
  })
  for (const name of hosts)
    await assert.rejects(
      remote.fetch(`http://${name}:${port}/`),
      { code: 'url_not_allowed', detail: /not public/ },
      name,
    )
  assert.deepEqual([requests.length, new Set(outcomes)], [0, new Set(['refused'])])
})

test('only listed hosts and ports are contacted, and only over http', async (t) => {
  const { host, url, requests } = await imageServer(t, { '/': (response) => response.end('x') })
  const { remote } = open(t, { urlAllowedHosts: `${host.split(':')[0]}, *.example.com` })
  for (const address of [
    url,
    'http://example.com/',
    'http://a.example.com.evil.org/',
    'http://a.example.com:8080/',
    'http://evilexample.com/',
    'ftp://a.example.com/',
    'file:///etc/passwd',
    'data:image/png;base64,AAAA',
    'http://user:word@a.example.com/',
    'nonsense',
    '',
  ]) {
    assert.equal(await codeOf(remote.fetch(address)), 'url_not_allowed', address)
  }
  assert.equal(requests.length, 0)
  assert.equal(await codeOf(open(t, { urlAllowedHosts: ' ' }).remote.fetch(url)), 'url_disabled')
})

test('a redirect is checked like the first address, and their number is bounded', async (t) => {
  const leads = (location: string) => (response: ServerResponse) => void response.writeHead(302, { location }).end()
  const { host, url, requests } = await imageServer(t, {
    '/inside': leads('http://10.0.0.1/'),
    '/elsewhere': leads('http://elsewhere.example.com/'),
    '/file': leads('file:///etc/passwd'),
    '/round': leads('/round'),
    '/nowhere': (response) => response.writeHead(302).end(),
  })
  const { remote } = open(t, { urlAllowedHosts: `${host}, 10.0.0.1` })
  for (const [path, code] of [
    ['/inside', 'url_not_allowed'],
    ['/elsewhere', 'url_not_allowed'],
    ['/file', 'url_not_allowed'],
    ['/round', 'url_unreachable'],
    ['/nowhere', 'url_unreachable'],
  ] as const) {
    assert.equal(await codeOf(remote.fetch(url + path)), code, path)
  }
  assert.equal(requests.filter((path) => path === '/round').length, 4)
})

test('size and time are bounded, and error responses are not pictures', async (t) => {
  const { host, url } = await imageServer(t, {
    '/full': (response) => response.end(Buffer.alloc(1_000)),
    '/stated': (response) => response.writeHead(200, { 'content-length': 1_001 }).write('x'),
    '/endless': (response) => {
      response.on('error', () => {})
      const more = () => {
        if (response.destroyed) return
        response.write(Buffer.alloc(500))
        setImmediate(more)
      }
      more()
    },
    '/silent': () => {},
    '/stuck': (response) => response.write('x'),
    '/missing': (response) => response.writeHead(404).end('no'),
    '/broken': (response) => {
      response.writeHead(200, { 'content-length': 900 })
      response.write('x', () => response.destroy())
    },
  })
  const { remote, outcomes } = open(t, { urlAllowedHosts: `${host}, 127.0.0.1:1, nothing.invalid` })
  assert.equal((await remote.fetch(`${url}/full`)).length, 1_000)
  for (const [path, code] of [
    ['/stated', 'image_too_large'],
    ['/endless', 'image_too_large'],
    ['/missing', 'url_unreachable'],
    ['/broken', 'url_unreachable'],
  ] as const) {
    assert.equal(await codeOf(remote.fetch(url + path)), code, path)
  }
  for (const address of ['http://127.0.0.1:1/', 'http://nothing.invalid/'])
    assert.equal(await codeOf(remote.fetch(address)), 'url_unreachable', address)
  assert.deepEqual(
    outcomes.slice(1).every((outcome) => outcome === 'failed'),
    true,
  )
  const impatient = open(t, { urlAllowedHosts: host, urlTimeoutMs: 200 }).remote
  for (const path of ['/silent', '/stuck'])
    await assert.rejects(impatient.fetch(url + path), { code: 'url_unreachable', detail: /200 ms/ }, path)
})

test('a malformed list of hosts prevents the start of the service', () => {
  for (const list of [
    '*',
    'a b',
    'http://example.com',
    'example.com/path',
    'user@example.com',
    '*.',
    'a.*.com',
    'example.com:99999',
    '10.0.0.0/33',
    'fd00::/129',
  ]) {
    assert.throws(
      () => openRemoteImages({ urlAllowedHosts: list, urlTimeoutMs: 1, uploadMaxBytes: 1 }),
      { code: 'config_invalid' },
      list,
    )
  }
})

test('an address inside a listed network is reachable although it is not public', async (t) => {
  const { url, host } = await imageServer(t, { '/a.jpg': (response) => response.end('the bytes') })
  const port = host.split(':')[1]!
  const fetched = (urlAllowedHosts: string, address: string) =>
    open(t, { urlAllowedHosts, allowLoopback: false })
      .remote.fetch(address)
      .then(String, (error: AlikeError) => error.code)
  assert.equal(await fetched('127.0.0.1/32', `${url}/a.jpg`), 'the bytes')
  assert.equal(await fetched('10.0.0.0/8, fd00::/8', `${url}/a.jpg`), 'url_not_allowed')
  assert.equal(await fetched(`localhost:${port}, 127.0.0.0/8`, `http://localhost:${port}/a.jpg`), 'the bytes')
  assert.equal(
    await fetched('127.0.0.0/8', `http://localhost:${port}/a.jpg`),
    'url_not_allowed',
    'a name is listed by name',
  )
})

test('the number of fetches per second is limited', async (t) => {
  const { url, host } = await imageServer(t, { '/a.jpg': (response) => response.end('x') })
  const { remote } = open(t, { urlAllowedHosts: host, urlMaxPerSecond: 20 })
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: 5 }, () => remote.fetch(`${url}/a.jpg`)))
  assert.ok(performance.now() - startedAt >= 195)
  const leaving = new AbortController()
  const waiting = Array.from({ length: 3 }, () => remote.fetch(`${url}/a.jpg`, leaving.signal))
  leaving.abort(new Error('left'))
  assert.equal((await Promise.allSettled(waiting)).filter(({ status }) => status === 'rejected').length, 3)
})

test('a host says when to ask again, in seconds or as a date', async (t) => {
  const busy = (retryAfter: string) => (response: ServerResponse) =>
    void response.writeHead(503, { 'retry-after': retryAfter }).end()
  const { url, host } = await imageServer(t, {
    '/seconds': busy('7'),
    '/date': busy(new Date(Date.now() + 600_000).toUTCString()),
    '/past': busy(new Date(0).toUTCString()),
    '/neither': busy('soon'),
    ...Object.fromEntries(
      [429, 500, 502, 503, 504].map((status) => [`/${status}`, (response) => response.writeHead(status).end()]),
    ),
  })
  const { remote } = open(t, { urlAllowedHosts: host })
  const pauseOf = (path: string) =>
    remote.fetch(url + path).then(
      () => assert.fail('it is busy'),
      (error: AlikeError) => error.retryAfterSeconds ?? Number.NaN,
    )
  assert.equal(await pauseOf('/seconds'), 7)
  const untilDate = await pauseOf('/date')
  assert.ok(untilDate > 500 && untilDate <= 600, `${untilDate}`)
  assert.equal(await pauseOf('/past'), 1)
  assert.equal(await pauseOf('/neither'), 1)
  for (const status of [429, 500, 502, 503, 504]) assert.equal(await pauseOf(`/${status}`), 1, `${status}`)
  assert.ok(Number.isNaN(await pauseOf('/missing')), 'it would be missing again')
})

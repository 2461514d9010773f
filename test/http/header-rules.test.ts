/** Requests that Node itself would silently refuse get a problem document like all others. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { readConfig } from '../../src/config/read-config.js'
import { AlikeError } from '../../src/errors.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { buildUnreadyApps } from '../../src/side-apps.js'
import { startApp } from '../support/app.js'
import { rawConnection } from '../support/raw-connection.js'

interface Answered {
  status: number
  type: string | undefined
  problem: { code?: string; status?: number; requestId?: string; errors?: { in: string; pointer: string }[] }
}

/** @param head lines of the request, without the blank one */
async function ask(t: TestContext, address: string, head: string[]): Promise<Answered> {
  const connection = rawConnection(t, address)
  connection.write([...head, 'connection: close', '', ''].join('\r\n'))
  const [headers = '', body = ''] = (await connection.closed).split('\r\n\r\n')
  const type = /^content-type: (\S+?);?$/im.exec(headers)?.[1]
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(headers)?.[1]),
    type,
    problem: type === 'application/problem+json' ? (JSON.parse(body) as Answered['problem']) : {},
  }
}

const rows: [string, string[], number, string | undefined][] = [
  ['an expectation that is not known', ['GET /readyz HTTP/1.1', 'host: a', 'expect: foo'], 417, 'expectation_failed'],
  [
    'one before a body',
    [
      'PUT /v1/galleries/g HTTP/1.1',
      'host: a',
      'expect: 200-ok',
      'content-type: application/json',
      'content-length: 2',
    ],
    417,
    'expectation_failed',
  ],
  ['one where there is no route', ['GET /nothing HTTP/1.1', 'host: a', 'expect: foo'], 417, 'expectation_failed'],
  ['no host', ['GET /readyz HTTP/1.1'], 400, 'request_invalid'],
  ['no host where there is no route', ['GET /nothing HTTP/1.1'], 400, 'request_invalid'],
  ['two hosts', ['GET /readyz HTTP/1.1', 'host: a', 'Host: b'], 400, 'request_invalid'],
  ['a host with a space', ['GET /readyz HTTP/1.1', 'host: a b'], 400, 'request_invalid'],
  ['a host with a path', ['GET /readyz HTTP/1.1', 'host: a/b'], 400, 'request_invalid'],
  ['a name and its port', ['GET /readyz HTTP/1.1', 'host: a_b.example:8080'], 200, undefined],
  ['an address as a literal', ['GET /readyz HTTP/1.1', 'host: [::1]:8080'], 200, undefined],
  ['an address with a zone', ['GET /readyz HTTP/1.1', 'host: [fe80::1%25br-1a]:8080'], 200, undefined],
  ['a host that is empty', ['GET /readyz HTTP/1.1', 'host:'], 200, undefined],
  ['no host in HTTP/1.0, which knows none', ['GET /readyz HTTP/1.0'], 200, undefined],
  [
    'a body in a coding that nobody decodes',
    ['PUT /v1/galleries/g HTTP/1.1', 'host: a', 'transfer-encoding: gzip, chunked'],
    400,
    'request_invalid',
  ],
  ['a proxy’s method', ['CONNECT a:443 HTTP/1.1', 'host: a:443'], 405, 'method_not_allowed'],
]

test('requests that HTTP requires to be refused get a problem document, on an open port', async (t) => {
  const app = await startApp(t)
  const address = await app.listen()
  for (const [what, head, status, code] of rows) {
    const { problem, type, ...answer } = await ask(t, address, head)
    assert.deepEqual([answer.status, problem.code], [status, code], what)
    if (code === undefined) continue
    assert.deepEqual(
      [type, problem.status, typeof problem.requestId],
      ['application/problem+json', status, 'string'],
      what,
    )
    if (what.includes('host'))
      assert.deepEqual(
        problem.errors?.map((error) => [error.in, error.pointer]),
        [['headers', '/host']],
      )
  }
})

test('the same holds while the service is not ready', async (t) => {
  const { app } = await buildUnreadyApps({
    config: readConfig({}),
    metrics: createMetrics(),
    logger: pino({ level: 'silent' }),
    reason: new AlikeError('golden_mismatch'),
  })
  t.after(() => app.close())
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  assert.equal((await ask(t, address, ['GET /livez HTTP/1.1'])).problem.code, 'request_invalid')
  assert.equal(
    (await ask(t, address, ['GET /livez HTTP/1.1', 'host: a', 'expect: foo'])).problem.code,
    'expectation_failed',
  )
})

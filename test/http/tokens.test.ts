/** Tokens of an issuer that runs beside the test, with generated keys. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { startApp } from '../support/app.js'
import { until } from '../support/until.js'

interface Issuer {
  url: string
  /** How often its keys were fetched. */
  asked(): number
  /** @param kid null: it names no key; by default the one it is signed with */
  token(claims: JWTPayload, expires?: string, kid?: null): Promise<string>
  /** Makes it sign with another key. */
  rotate(): Promise<void>
  /** No longer publishes any key. */
  withdraw(): void
  close(): Promise<void>
}

async function startIssuer(t: TestContext): Promise<Issuer> {
  let [asked, generation] = [0, 0]
  const published: object[] = []
  let signing: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']
  const rotate = async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    generation += 1
    published.push({ ...(await exportJWK(publicKey)), kid: String(generation), alg: 'ES256', use: 'sig' })
    signing = privateKey
  }
  await rotate()
  const server = createServer(({ url: path }, response) => {
    if (path === '/keys') asked += 1
    const body = path === '/keys' ? { keys: published } : { issuer: url, jwks_uri: `${url}/keys` }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  t.after(close)
  return {
    url,
    asked: () => asked,
    rotate,
    withdraw: () => void published.splice(0),
    close,
    token: (claims, expires = '5m', kid) =>
      new SignJWT({ iss: url, aud: 'alike', sub: 'anna', ...claims })
        .setProtectedHeader({ alg: 'ES256', ...(kid !== null && { kid: String(generation) }) })
        .setExpirationTime(expires)
        .sign(signing),
  }
}

const as = (token: string) => ({ authorization: `Bearer ${token}` })

test('scopes of a token are roles and verbs, and a claim restricts it to galleries', async (t) => {
  const issuer = await startIssuer(t)
  const app = await startApp(t, { jwtIssuer: issuer.url, jwtAudience: 'alike, other', jwtGalleriesClaim: 'galleries' })
  const writer = await issuer.token({ scope: 'openid alike:write', galleries: ['shop-*'] })
  const reader = await issuer.token({ scope: ['alike:read'], galleries: 'shop-a' })
  const finder = await issuer.token({ scope: 'alike:search', galleries: '*' })
  const nobody = await issuer.token({ scope: 'write read admin other:admin', galleries: '*' })
  for (const [status, token, method, url, code] of [
    [201, writer, 'PUT', '/v1/galleries/shop-a', undefined],
    [403, writer, 'PUT', '/v1/galleries/other', 'gallery_forbidden'],
    [403, writer, 'DELETE', '/v1/galleries/shop-a', 'forbidden'],
    [200, reader, 'GET', '/v1/galleries/shop-a', undefined],
    [403, reader, 'PUT', '/v1/galleries/shop-a', 'forbidden'],
    [403, finder, 'GET', '/v1/galleries/shop-a', 'forbidden'],
    [403, nobody, 'GET', '/v1/galleries', 'forbidden'],
  ] as const)
    assert.equal((await app.call(status, { method, url, headers: as(token) })).code, code, `${method} ${url}`)
  assert.ok(app.log.some(({ caller }) => caller === 'token:anna'))
})

test('tokens with a wrong issuer, audience or time are refused', async (t) => {
  const [issuer, stranger] = [await startIssuer(t), await startIssuer(t)]
  const app = await startApp(t, { jwtIssuer: issuer.url, jwtAudience: 'alike' })
  const scope = 'alike:read'
  const good = await issuer.token({ scope })
  const [head, payload, signature] = good.split('.') as [string, string, string]
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  for (const [token, code] of [
    [await stranger.token({ scope, iss: issuer.url }), 'unauthenticated'],
    [await issuer.token({ scope, iss: stranger.url }), 'unauthenticated'],
    [await issuer.token({ scope, aud: 'another' }), 'unauthenticated'],
    [await issuer.token({ scope, sub: '' }), 'unauthenticated'],
    [await issuer.token({ scope }, '-5m'), 'key_expired'],
    [`${none}.${payload}.`, 'unauthenticated'],
    [`${head}.${payload}.${signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}`, 'unauthenticated'],
    ['a.b.c', 'unauthenticated'],
    ['alike_guess', 'unauthenticated'],
  ] as const)
    assert.equal((await app.call(401, { url: '/v1/galleries', headers: as(token) })).code, code)
  await app.call(200, { url: '/v1/galleries', headers: as(good) })
  assert.equal((await app.call(401, { url: '/v1/galleries' })).code, 'unauthenticated')
  assert.doesNotMatch(JSON.stringify(app.log), new RegExp(signature))
})

test('published keys are cached, and fetched again when the issuer signs with a new one', async (t) => {
  const issuer = await startIssuer(t)
  const app = await startApp(t, { jwtIssuer: issuer.url, jwtAudience: 'alike', jwtJwksUrl: `${issuer.url}/keys` })
  const use = async () =>
    app.call(200, { url: '/v1/galleries', headers: as(await issuer.token({ scope: 'alike:read' })) })
  for (let i = 0; i < 5; i++) await use()
  assert.equal(issuer.asked(), 1)
  await issuer.rotate()
  // unknown keys are looked up at most twice a minute
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 31_000 })
  await use()
  assert.equal(issuer.asked(), 2)
  const withdrawn = await issuer.token({ scope: 'alike:read' }, '1h')
  issuer.withdraw()
  t.mock.timers.setTime(Date.now() + 601_000)
  // refreshed in the background
  await until(async () => {
    const { statusCode } = await app.app.inject({ url: '/v1/galleries', headers: as(withdrawn) })
    return statusCode === 401
  })
  await issuer.rotate()
  t.mock.timers.setTime(Date.now() + 31_000)
  await use()
  await issuer.close()
  t.mock.timers.setTime(Date.now() + 3_600_000)
  for (let i = 0; i < 2; i++) await use()
})

test('a token that names no key is accepted if any published key signed it', async (t) => {
  const [issuer, stranger] = [await startIssuer(t), await startIssuer(t)]
  const scope = 'alike:read'
  const former = await issuer.token({ scope }, '5m', null)
  await issuer.rotate()
  const app = await startApp(t, { jwtIssuer: issuer.url, jwtAudience: 'alike' })
  const ask = async (status: number, token: string) =>
    (await app.call(status, { url: '/v1/galleries', headers: as(token) })).code
  await ask(200, former)
  await ask(200, await issuer.token({ scope }, '5m', null))
  assert.equal(await ask(401, await issuer.token({ scope }, '-5m', null)), 'key_expired')
  assert.equal(await ask(401, await issuer.token({ scope, aud: 'another' }, '5m', null)), 'unauthenticated')
  assert.equal(await ask(401, await stranger.token({ scope, iss: issuer.url }, '5m', null)), 'unauthenticated')
})

test('an unreachable issuer is distinguished from a bad token', async (t) => {
  const issuer = await startIssuer(t)
  const token = await issuer.token({ scope: 'alike:read' })
  await issuer.close()
  const app = await startApp(t, { jwtIssuer: issuer.url, jwtAudience: 'alike' })
  assert.equal((await app.call(503, { url: '/v1/galleries', headers: as(token) })).code, 'identity_unreachable')
})

test('keys that an issuer publishes damaged do not make a token bad', async (t) => {
  const issuer = await startIssuer(t)
  const app = await startApp(t, { jwtIssuer: issuer.url, jwtAudience: 'alike', jwtJwksUrl: issuer.url })
  const headers = as(await issuer.token({ scope: 'alike:read' }))
  assert.equal((await app.call(503, { url: '/v1/galleries', headers })).code, 'identity_unreachable')
})

test('an issuer without an audience prevents the start of the service', async (t) => {
  await assert.rejects(startApp(t, { jwtIssuer: 'https://issuer.example.com' }), { code: 'config_invalid' })
})

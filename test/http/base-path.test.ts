import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const basePath = '/pictures/alike'
const png = { 'content-type': 'image/png' }

test('requests are accepted below the base path and without it, and nowhere else', async (t) => {
  const { app } = await startApp(t, { basePath })
  for (const [url, status] of [
    [`${basePath}/livez`, 200],
    ['/livez', 200],
    [`${basePath}/v1/galleries?limit=3`, 200],
    [`${basePath}/v1`, 200],
    [`${basePath}x/livez`, 404],
    ['/pictures/livez', 404],
    [`${basePath}/nothing`, 404],
  ] as const)
    assert.equal((await app.inject(url)).statusCode, status, url)
})

test('the base path itself leads to the page below it', async (t) => {
  const { app } = await startApp(t, { basePath })
  for (const [url, location] of [
    [basePath, `${basePath}/`],
    [`${basePath}?a=b?c`, `${basePath}/?a=b?c`],
  ]) {
    const { statusCode, headers } = await app.inject(url!)
    assert.deepEqual([statusCode, headers.location], [308, location])
  }
  assert.equal((await app.inject({ method: 'DELETE', url: basePath })).statusCode, 405)
})

test('every URL in a response begins with the base path, and resolves', async (t) => {
  const started = await startApp(t, { basePath })
  const answers = await conversation(started)
  const addresses = answers.flatMap(addressesOf)
  assert.ok(addresses.length >= 12, addresses.join(' '))
  assert.deepEqual(
    addresses.filter((address) => !address.startsWith(`${basePath}/`)),
    [],
  )
  for (const address of new Set(addresses)) {
    assert.equal((await started.app.inject(address)).statusCode, 200, address)
    assert.equal((await started.app.inject(address.slice(basePath.length))).statusCode, 200, address)
  }
})

test('contract and reference page state their base path', async (t) => {
  const { app } = await startApp(t, { basePath })
  const contract = parse((await app.inject('/openapi.yaml')).body) as { servers: { url: string }[]; paths: object }
  assert.deepEqual(contract.servers, [{ url: basePath }])
  assert.ok('/v1/galleries' in contract.paths, 'paths are relative to the server')
  for (const url of [`${basePath}/docs`, `${basePath}/docs/`]) {
    const page = await app.inject(url)
    const parts = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => new URL(part!, `http://a${url}`))
    assert.ok(parts.length > 4)
    for (const { pathname } of parts) {
      assert.ok(pathname.startsWith(`${basePath}/docs/static/`), pathname)
      assert.equal((await app.inject(pathname)).statusCode, 200, pathname)
    }
  }
  assert.equal((await app.inject(`${basePath}/docs/static/index.html`)).headers.location, `${basePath}/docs/`)
})

/** Responses of every kind that contains a URL. */
async function conversation({ app }: TestApp) {
  const gallery = `${basePath}/v1/galleries/shapes`
  const send = (method: 'GET' | 'POST' | 'PUT', url: string, payload?: Buffer | object, headers = {}) =>
    app.inject({ method, url, ...(payload && { payload }), headers })
  const [circle, cross] = await Promise.all(
    (['circle', 'cross'] as const).map((shape) => drawImage(shape, 1, { format: 'png' })),
  )
  return [
    await send('GET', `${basePath}/v1`),
    await send('PUT', gallery),
    await send('PUT', `${gallery}/images/round%2Fone`, circle, png),
    await send('POST', `${gallery}/images`, cross, png),
    await send('POST', `${gallery}/search?include=thumbnail`, circle, png),
    await send('POST', `${gallery}/ingest`, Buffer.from('{"delete":"none"}\n'), {
      'content-type': 'application/x-ndjson',
    }),
    await send('POST', `${gallery}/duplicates`, {}),
    await send('POST', `${basePath}/v1/snapshots`),
  ]
}

/** Its `Location`, and the paths of ours in its body. */
function addressesOf({ headers, body }: { headers: Record<string, unknown>; body: string }): string[] {
  const own = /"(\/[^"]*(?:v1\/|docs|openapi\.yaml|readyz|metrics)[^"]*)"/g
  const inBody = [...body.matchAll(own)].map(([, path]) => path!)
  return [...(typeof headers.location === 'string' ? [headers.location] : []), ...inBody]
}

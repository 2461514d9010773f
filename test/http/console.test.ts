/** The console's page: how it is served, and how much a browser must load before showing anything. */
import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { test } from 'node:test'
import { readKeys } from '../../src/access/api-keys.js'
import { startApp } from '../support/app.js'

const firstScreenMaxBytes = 150_000

/** URLs of the page's own files, as a browser extracts them. */
function filesOf(page: string): string[] {
  return [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, path]) => path!)
}

test('the page is served at the root, with a policy that allows only its own files', async (t) => {
  const { app } = await startApp(t)
  const { statusCode, headers, body } = await app.inject('/')
  assert.equal(statusCode, 200, 'the console has to be built first: npm run build')
  const policy = String(headers['content-security-policy'])
  assert.match(policy, /^default-src 'self'/)
  assert.doesNotMatch(policy, /unsafe|https?:|\*/)
  assert.equal(headers['cache-control'], 'no-cache')
  assert.doesNotMatch(body, /<script(?![^>]* src=)|<style|\son\w+=/, 'nothing on it is inline')
  assert.doesNotMatch(body, /(?:src|href)="(?!\.\/)/, 'every address is relative, for the base path of a proxy')
  for (const path of filesOf(body)) assert.equal((await app.inject(`/${path}`)).statusCode, 200, path)
})

test('its files are cacheable, and compressed for browsers that accept it', async (t) => {
  const { app } = await startApp(t, { corsOrigins: 'https://pages.example.com' })
  const script = filesOf((await app.inject('/')).body).find((path) => path.endsWith('.js'))!
  const { headers } = await app.inject({ url: `/${script}`, headers: { 'accept-encoding': 'br' } })
  assert.match(String(headers['cache-control']), /max-age=31536000, immutable/)
  assert.equal(headers['content-encoding'], 'br')
  // a shared cache keeps them apart
  assert.equal(headers.vary, 'Origin, Accept-Encoding')
  assert.equal((await app.inject(`/${script}`)).headers.vary, 'Origin, Accept-Encoding')
  assert.match(String(headers['content-type']), /javascript/)
  const refusal = async (url: string) => {
    const answer = await app.inject({ url, headers: { 'accept-encoding': 'identity' } })
    return [answer.statusCode, answer.json<{ code: string }>().code]
  }
  for (const path of ['/assets/none.js', '/assets/', '/assets/none/', '/assets/..%2findex.html'])
    assert.deepEqual(await refusal(path), [404, 'route_not_found'], path)
  assert.deepEqual(await refusal('/assets//'), [400, 'request_invalid'])
})

test('it is open even if keys are required, but its data are not', async (t) => {
  const line = `reader:read:${'0'.repeat(64)}`
  assert.equal((await readKeys({ apiKeys: line, apiKeysFile: '' })).length, 1)
  const { app } = await startApp(t, { apiKeys: line })
  const page = await app.inject('/')
  for (const path of ['', 'icon.svg', ...filesOf(page.body)])
    assert.equal((await app.inject(`/${path}`)).statusCode, 200, path)
  assert.equal((await app.inject('/v1/galleries')).statusCode, 401)
})

test(`the first screen is at most ${firstScreenMaxBytes / 1_000} kB, compressed`, async () => {
  const page = await readFile('dist/console/index.html', 'utf8')
  const packed = filesOf(page)
    .filter((path) => path.startsWith('assets/'))
    .map(async (path) => (await stat(`dist/console/${path}.gz`)).size)
  assert.ok(packed.length >= 2, 'script and style')
  const bytes = (await Promise.all(packed)).reduce((sum, size) => sum + size, page.length)
  assert.ok(bytes <= firstScreenMaxBytes, `${bytes} bytes`)
})

test('the page is answered without a warning of Node.js', async (t) => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  const app = await startApp(t)
  const response = await fetch(await app.listen())
  assert.match(await response.text(), /<title>/)
  assert.deepEqual(warnings, [])
})

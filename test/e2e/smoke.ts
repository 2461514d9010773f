/**
 * A smoke test against a started service: `npx node dist/test/e2e/smoke.js <url>`. Stores drawn pictures, finds one with
 * another of its kind, reads the metrics, cleans up.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { drawImage } from '../support/drawn-images.js'

const base = process.argv[2] ?? 'http://127.0.0.1:8080'
const startDeadlineMs = 60_000

async function untilReady(): Promise<void> {
  const started = performance.now()
  for (;;) {
    const status = await fetch(`${base}/readyz`).then(
      (response) => response.status,
      () => 0,
    )
    if (status === 200) return
    if (performance.now() - started > startDeadlineMs)
      throw new Error(`not ready after ${startDeadlineMs} ms, last status ${status}`)
    await sleep(200)
  }
}

async function call(method: string, path: string, image?: Buffer): Promise<Response> {
  const response = await fetch(`${base}${path}`, {
    method,
    ...(image === undefined ? {} : { body: new Uint8Array(image), headers: { 'content-type': 'image/jpeg' } }),
  })
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${response.ok ? '' : await response.clone().text()}`)
  return response
}

await untilReady()
const gallery = '/v1/galleries/smoke'
await call('PUT', gallery)
for (const label of ['circle', 'square', 'stripes'] as const) {
  await call('PUT', `${gallery}/images/${label}-1?label=${label}`, await drawImage(label, 1))
}
const answer = (await (await call('POST', `${gallery}/search?k=2`, await drawImage('circle', 1))).json()) as {
  hits: { id: string; score: number }[]
}
assert.equal(answer.hits.length, 2)
assert.equal(answer.hits[0]?.id, 'circle-1')
assert.ok(answer.hits[0].score > 0.999)
const metrics = await (await call('GET', '/metrics')).text()
assert.match(metrics, /alike_stage_duration_seconds_bucket\{[^}]*stage="embed"/)
await call('DELETE', gallery)
console.log('smoke: stored, found, measured')

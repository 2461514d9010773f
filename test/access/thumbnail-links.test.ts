/** Signed links to thumbnails: what they admit, and for how long. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSigned, signedQuery } from '../../src/access/thumbnail-links.js'

const settings = { thumbnailLinkSecret: 's'.repeat(32), thumbnailLinkSeconds: 900 }
const picture = { gallery: 'shoes', id: 'a/1 ü.jpg' }
const noon = Date.UTC(2026, 0, 1, 12)
const queryAt = (nowMs: number, of = settings) =>
  Object.fromEntries(new URLSearchParams(signedQuery(picture, of, nowMs)))
const admits = (query: unknown, nowMs: number, change: object = {}) =>
  isSigned({ ...picture, ...change }, query, { ...settings, ...change }, nowMs)

test('a link is valid for its picture, for at least half of the time and at most all of it', () => {
  for (let second = 0; second < 900; second += 7) {
    const at = noon + 1_000 * second
    const query = queryAt(at)
    assert.ok(admits(query, at) && admits(query, at + 449_000), `${second}`)
    assert.ok(!admits(query, at + 901_000), `${second}`)
  }
})

test('of an odd number of seconds half is at least half', () => {
  const odd = { ...settings, thumbnailLinkSeconds: 61 }
  for (let at = noon; at < noon + 122_000; at += 500) {
    const query = queryAt(at, odd)
    assert.ok(admits(query, at + 30_500) && !admits(query, at + 61_001), `${at - noon}`)
  }
})

test('within half of the time the same picture has the same link, for caches', () => {
  assert.deepEqual(queryAt(noon), queryAt(noon + 449_000))
  assert.notDeepEqual(queryAt(noon), queryAt(noon + 450_000))
})

test('another picture, gallery, time or secret is not admitted', () => {
  const query = queryAt(noon)
  assert.ok(admits(query, noon))
  for (const change of [
    { id: 'a/2 ü.jpg' },
    { gallery: 'shoe' },
    { gallery: 'shoes","a' },
    { thumbnailLinkSecret: 't'.repeat(32) },
    { thumbnailLinkSecret: '' },
  ])
    assert.ok(!admits(query, noon, change), JSON.stringify(change))
  const { expires, signature } = query as { expires: string; signature: string }
  for (const altered of [
    undefined,
    {},
    { expires },
    { signature },
    { expires: String(Number(expires) + 1), signature },
    { expires: `0${expires}`.padStart(20, '0'), signature },
    { expires: [expires], signature },
    { expires, signature: [signature, signature] },
    { expires, signature: '' },
    { expires, signature: signature.slice(1) },
    { expires, signature: `A${signature}` },
  ])
    assert.ok(!admits(altered, noon), JSON.stringify(altered))
})

test('without a secret nothing is admitted, not even what an empty one signed', () => {
  const none = { ...settings, thumbnailLinkSecret: '' }
  const query = Object.fromEntries(new URLSearchParams(signedQuery(picture, none, noon)))
  assert.ok(!isSigned(picture, query, none, noon))
})

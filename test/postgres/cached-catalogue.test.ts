/** Look-ups cached by a process while PostgreSQL is down: for a second, and no longer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AlikeError } from '../../src/errors.js'
import { freshMs } from '../../src/postgres/shared-writes.js'
import { makeGallery } from '../jobs/job-store-suite.js'
import { cuttingProxy } from '../support/cutting-proxy.js'
import { until } from '../support/until.js'
import { newDatabase, openStores } from './shared-stores.js'

test('a process that is cut off answers from its cache for a second, then refuses; a deleted gallery does not come back', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const direct = await openStores(t, url)
  const proxy = await cuttingProxy(t, url)
  const { catalogue } = await openStores(t, proxy.url)
  for (const name of ['a', 'b']) await makeGallery(direct.catalogue, name)
  const outcome = (name: string) =>
    catalogue.find(name).then(
      (entry) => (entry === undefined ? 'none' : 'found'),
      (error: AlikeError) => error.code,
    )

  assert.equal(await outcome('a'), 'found')
  proxy.leave()
  // requested for the last time before the cut-off, at the latest
  const begunAt = performance.now()
  await direct.catalogue.remove('a')
  let lastFoundAt = begunAt
  await until(async () => {
    const askedAt = performance.now()
    const told = await outcome('a')
    if (told === 'found') lastFoundAt = askedAt
    else assert.equal(told, 'store_unreachable')
    return told === 'store_unreachable'
  }, 'the refusal')
  assert.ok(lastFoundAt - begunAt <= freshMs, `it was found ${lastFoundAt - begunAt} ms later`)
  assert.equal(await outcome('b'), 'store_unreachable', 'never looked up, so there is nothing to remember')

  proxy.back()
  await until(async () => (await outcome('b')) === 'found', 'PostgreSQL again')
  assert.equal(await outcome('a'), 'none')
})

test('a process no longer finds what it deleted itself, even if a look-up was in progress', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const { catalogue } = await openStores(t, url)
  await makeGallery(catalogue, 'a')
  assert.equal((await catalogue.find('a'))?.name, 'a')
  const during = [catalogue.find('a'), catalogue.remove('a'), catalogue.find('a')]
  await Promise.all(during)
  assert.equal(await catalogue.find('a'), undefined)
})

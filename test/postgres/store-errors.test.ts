/** Which errors of PostgreSQL and of the network mean that the store is away. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../../src/errors.js'
import { asStoreError } from '../../src/postgres/store-errors.js'

test('a server that no network leads to is away; an error of ours stays one', () => {
  const failed = (code: string) => asStoreError(Object.assign(new Error('failed'), { code }))
  for (const code of ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EHOSTDOWN', 'ECONNABORTED', '57P01'])
    assert.ok(hasCode(failed(code), 'store_unreachable'), code)
  assert.ok(!hasCode(failed('42P01'), 'store_unreachable'))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { compileCheck, type Misfit, RequestInvalid } from '../../src/http/validation.js'

const schema = Type.Object(
  { ids: Type.Optional(Type.Array(Type.String(), { maxItems: 3 })), k: Type.Optional(Type.Integer({ minimum: 1 })) },
  { additionalProperties: false },
)
const check = compileCheck(schema, 'body')

function misfitsOf(value: unknown): readonly Misfit[] {
  try {
    check(value)
  } catch (error) {
    assert.ok(error instanceof RequestInvalid)
    return error.misfits
  }
  return []
}

const tooLong: Misfit = { in: 'body', pointer: '/ids', detail: 'must not have more than 3 items' }

test('a list of the maximum length is accepted, a longer one is reported together with other faults', () => {
  assert.deepEqual(misfitsOf({ ids: ['a', 'b', 'c'] }), [])
  assert.deepEqual(misfitsOf({ ids: ['a', 'b', 'c', 'd'] }), [tooLong])
  assert.deepEqual(misfitsOf({ ids: ['a', 'b', 'c', 'd'], k: 0 }), [
    { in: 'body', pointer: '/k', detail: 'must be >= 1' },
    tooLong,
  ])
})

test('the rest of a list that is far too long is not examined', () => {
  for (const entry of ['a', 1]) {
    const ids = Array.from({ length: 390_000 }, () => entry)
    const before = process.cpuUsage()
    const misfits = misfitsOf({ ids })
    const { user, system } = process.cpuUsage(before)
    assert.deepEqual(misfits.at(-1), tooLong)
    assert.ok(user + system < 150_000, `${(user + system) / 1_000} ms of a core`)
  }
})

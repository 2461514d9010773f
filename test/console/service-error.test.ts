/** Which refusals of the service are worth another attempt. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayHelpToRepeat, ServiceError } from '../../src/console/api/service-error.js'
import { catalogue } from '../../src/errors.js'
import { publicCodes, statusOf } from '../../src/http/status.js'

const refusalOf = (code: (typeof publicCodes)[number]) =>
  new ServiceError(statusOf(code), { code, title: catalogue[code] })

test('a call is worth repeating if the refusal does not blame what it asks for', () => {
  for (const code of [
    'overloaded',
    'rate_limited',
    'internal',
    'shutting_down',
    'engine_unreachable',
    'storage_full',
    'request_timeout',
    'body_incomplete',
    'serving_changed',
    'url_unreachable',
  ] as const)
    assert.equal(mayHelpToRepeat(refusalOf(code)), true, code)
  for (const code of publicCodes.filter((one) => /_(not_found|unreadable|invalid|missing|full|forbidden)$/.test(one)))
    assert.equal(
      mayHelpToRepeat(refusalOf(code)),
      ['storage_full', 'job_queue_full', 'job_listeners_full'].includes(code),
      code,
    )
})

test('a broken connection is worth another attempt, a picture that the page has lost is not', () => {
  assert.equal(mayHelpToRepeat(new TypeError('Failed to fetch')), true)
  assert.equal(mayHelpToRepeat(new Error('This page no longer has the picture.')), false)
})

test('an error names title and detail once, and the status if there is neither', () => {
  assert.equal(new ServiceError(404, { title: 'None.', detail: 'Not one.' }).message, 'None. Not one.')
  assert.equal(new ServiceError(404, { title: 'None.', detail: 'None.' }).message, 'None.')
  assert.equal(new ServiceError(502, {}).message, 'The service answered 502.')
})

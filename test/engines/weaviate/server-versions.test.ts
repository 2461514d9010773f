import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectSafeVersion } from '../../../src/engines/weaviate/server-versions.js'

test('versions whose read repair loses vectors are refused, and so is a malformed version', () => {
  for (const version of ['1.25.0', '1.36.0', '1.36.99', '1.37.0', '1.37.13', '1.38.0', '1.38.6', '0.9.1', '', 'main'])
    assert.throws(() => expectSafeVersion(version), { code: 'engine_version_refused' }, version)
})

test('fixed versions are accepted', () => {
  for (const version of ['1.37.14', '1.38.7', '1.38.12', '1.39.0', '1.39.0-rc.1', '1.40.2', '2.0.0'])
    assert.doesNotThrow(() => expectSafeVersion(version), version)
})

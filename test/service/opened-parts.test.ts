import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OpenedParts } from '../../src/service/opened-parts.js'

test('parts are closed in reverse order, even if one of them cannot be', async () => {
  const opened = new OpenedParts()
  const closed: string[] = []
  opened.add({ close: () => void closed.push('storage') })
  opened.atEnd(async (crashed) => {
    closed.push(crashed ? 'jobs, after a crash' : 'jobs')
    throw new Error('the bucket does not answer')
  })
  opened.add({ close: async () => void closed.push('app') })
  await assert.rejects(opened.close(true), /bucket/)
  assert.deepEqual(closed, ['app', 'jobs, after a crash', 'storage'])
  await opened.close()
  assert.equal(closed.length, 3)
})

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ApiKeys, makeKey, mayAct, parseKeys, readApiKeys } from '../../src/access/api-keys.js'
import { temporaryFolder } from '../support/temporary-folder.js'

test('a key that was made is found by its line, and no other', () => {
  const [reader, writer] = [makeKey('reader', 'read'), makeKey('writer', 'write')]
  const keys = new ApiKeys(parseKeys(`# staff\n${reader.line}\n\n${writer.line}`, 'lines'))
  assert.deepEqual([keys.find(reader.key)?.name, keys.find(writer.key)?.role], ['reader', 'write'])
  for (const wrong of ['', 'x', `${reader.key}x`, reader.key.slice(0, -1), reader.line])
    assert.equal(keys.find(wrong), undefined)
  assert.ok(!reader.line.includes(reader.key))
  assert.notEqual(makeKey('reader', 'read').key, reader.key)
})

test('a role may do what those below it may', () => {
  assert.deepEqual(
    [
      mayAct('admin', 'read'),
      mayAct('write', 'read'),
      mayAct('read', 'read'),
      mayAct('read', 'write'),
      mayAct('write', 'admin'),
    ],
    [true, true, true, false, false],
  )
})

test('lines that do not fit are named by their place, never shown', () => {
  const { line } = makeKey('a', 'read')
  const rows: [string, RegExp][] = [
    ['name:read:secret', /entry 1 of lines is not/],
    [`${line},x`, /entry 2 of lines/],
    [line.replace('read', 'root'), /entry 1/],
    [`${line}\n${line}`, /the name "a" twice/],
    [`A${line}`, /entry 1/],
  ]
  for (const [text, message] of rows) {
    assert.throws(
      () => parseKeys(text, 'lines'),
      (error: Error & { code?: string }) =>
        error.code === 'config_invalid' && message.test(error.message) && !error.message.includes('secret'),
    )
  }
  assert.throws(() => makeKey('with space', 'read'), { code: 'config_invalid' })
})

test('keys come from environment and file together; a file without one never opens the service', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'keys')
  await writeFile(file, `${makeKey('from-file', 'admin').line}\n`)
  assert.equal((await readApiKeys({ apiKeys: makeKey('from-environment', 'read').line, apiKeysFile: file })).count, 2)
  assert.equal((await readApiKeys({ apiKeys: '', apiKeysFile: '' })).isOpen, true)
  await writeFile(file, '# none yet\n')
  await assert.rejects(readApiKeys({ apiKeys: '', apiKeysFile: file }), { code: 'config_invalid' })
  await assert.rejects(readApiKeys({ apiKeys: '', apiKeysFile: join(folder, 'none') }), { code: 'config_invalid' })
  await assert.rejects(readApiKeys({ apiKeys: ' , ', apiKeysFile: '' }), { code: 'config_invalid' })
  const { line } = makeKey('twice', 'read')
  await writeFile(file, line)
  await assert.rejects(readApiKeys({ apiKeys: line, apiKeysFile: file }), { code: 'config_invalid' })
})

import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ApiKeys, expiryOf, makeKey, parseKeys, readKeys } from '../../src/access/api-keys.js'
import { reaches, verbsOf } from '../../src/access/grants.js'
import { followKeyFile, settled } from '../../src/access/key-file.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

test('a generated key is recognised by its line, and no other key is', () => {
  const [reader, writer] = [makeKey('reader', 'read'), makeKey('writer', 'write')]
  const keys = new ApiKeys(parseKeys(`# staff\n${reader.line}\n\n${writer.line}`, 'lines'))
  assert.deepEqual([keys.find(reader.key)?.name, keys.find(writer.key)?.grant.verbs.has('write')], ['reader', true])
  for (const wrong of ['', 'x', `${reader.key}x`, reader.key.slice(0, -1), reader.line])
    assert.equal(keys.find(wrong), undefined)
  assert.ok(!reader.line.includes(reader.key))
  assert.notEqual(makeKey('reader', 'read').key, reader.key)
})

test('a comment ends with its line, whatever it contains', () => {
  const [valid, revoked, other] = [makeKey('valid', 'read'), makeKey('revoked', 'admin'), makeKey('other', 'write')]
  const text = `# shop, importer, until May\r\n${valid.line}\n  # ${revoked.line},${other.line}\n`
  const keys = new ApiKeys(parseKeys(text, 'lines'))
  assert.deepEqual([keys.count, keys.find(valid.key)?.name, keys.find(other.key)], [1, 'valid', undefined])
})

test('a role includes the permissions of the roles below it', () => {
  assert.deepEqual(verbsOf('read'), ['search', 'read', 'metrics'])
  assert.deepEqual(verbsOf('write'), [...verbsOf('read'), 'write', 'delete'])
  assert.deepEqual(verbsOf('admin'), [...verbsOf('write'), 'admin'])
})

test("the part after a key's hash restricts it to galleries, verbs and a time", () => {
  const limits = { galleries: ['shop-*', 'archive'], verbs: ['search'], expires: '2027-01-31' }
  const { line } = makeKey('shop', 'read', limits)
  assert.match(line, / galleries=shop-\*\|archive verbs=search expires=2027-01-31$/)
  const [key] = parseKeys(line, 'lines')
  assert.deepEqual([[...key!.grant.verbs], key!.expiresAt], [['search'], new Date('2027-01-31')])
  const reached = ['shop-', 'shop-1', 'archive', 'archive-1', 'shop', 'other'].filter((one) => reaches(key!.grant, one))
  assert.deepEqual(reached, ['shop-', 'shop-1', 'archive'])
  assert.ok(reaches({ verbs: new Set(), galleries: ['*'] }, 'any') && reaches(undefined, 'any'))
  assert.ok(!reaches({ verbs: new Set(), galleries: [] }, 'any'))
})

test('two keys with one name are valid at once, a third is refused', () => {
  const [old, next, third] = [makeKey('shop', 'read'), makeKey('shop', 'read'), makeKey('shop', 'read')]
  const others = [makeKey('archive', 'read'), makeKey('web', 'read')].map(({ line }) => line)
  const keys = new ApiKeys(parseKeys(`${old.line},${next.line},${others.join()}`, 'lines'))
  assert.deepEqual([keys.find(old.key)?.name, keys.find(next.key)?.name], ['shop', 'shop'])
  assert.throws(
    () => parseKeys([old, next, third].map(({ line }) => line).join('\n'), 'lines'),
    /more than 2 keys of "shop"/,
  )
})

test('malformed lines are reported by position, never by content', () => {
  const { line } = makeKey('a', 'read')
  const rows: [string, RegExp][] = [
    ['name:read:secret', /entry 1 of lines is not/],
    [`${line},x`, /entry 2 of lines/],
    [line.replace('read', 'root'), /entry 1/],
    [`${line}\n${line}`, /a key of "a" twice/],
    [`A${line}`, /entry 1/],
    [`${line} galleries=a/b`, /entry 1 of lines has a gallery/],
    [`${line} galleries=a|a/b`, /entry 1 of lines has a gallery/],
    [`${line} verbs=write`, /entry 1 of lines has a verb beyond its role/],
    [`${line} verbs=search|write`, /entry 1 of lines has a verb beyond its role/],
    [`${line} expires=soon`, /entry 1 of lines expires at what is no date/],
    [`${line} expires=2027-13-01`, /no date/],
    [`${line} until=2027-01-01`, /a limit that is unknown/],
    [`${line} verbs=read verbs=read`, /there twice/],
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

test('a key expires at the start of a day that exists, in UTC, or at a time with its zone', () => {
  for (const [text, expected] of [
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
    ['2027-01-31T12:00Z', '2027-01-31T12:00:00.000Z'],
    ['2027-01-31T23:30:00-01:00', '2027-02-01T00:30:00.000Z'],
    ['2027-02-29', undefined],
    ['2027-02-31T12:00:00Z', undefined],
    ['2027-01-31T25:00:00Z', undefined],
    ['2027-01-31T12:00:00', undefined],
    ['31 January 2027', undefined],
    ['2027-01', undefined],
    ['+012027-01-31', undefined],
  ] as const)
    assert.equal(expiryOf(text)?.toISOString(), expected, text)
})

test('keys come from environment and file together; a file without keys never opens the service', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'keys')
  await writeFile(file, `${makeKey('from-file', 'admin').line}\n`)
  assert.equal((await readKeys({ apiKeys: makeKey('from-environment', 'read').line, apiKeysFile: file })).length, 2)
  assert.equal((await readKeys({ apiKeys: '', apiKeysFile: '' })).length, 0)
  await writeFile(file, '# none yet\n')
  await assert.rejects(readKeys({ apiKeys: '', apiKeysFile: file }), { code: 'config_invalid' })
  await assert.rejects(readKeys({ apiKeys: '', apiKeysFile: join(folder, 'none') }), { code: 'config_invalid' })
  await assert.rejects(readKeys({ apiKeys: ' , ', apiKeysFile: '' }), { code: 'config_invalid' })
  const { line } = makeKey('twice', 'read')
  await writeFile(file, line)
  await assert.rejects(readKeys({ apiKeys: line, apiKeysFile: file }), { code: 'config_invalid' })
})

test('a changed file is reloaded; an unusable one changes nothing', async (t) => {
  const file = join(await temporaryFolder(t), 'keys')
  const [first, second] = [makeKey('first', 'read'), makeKey('second', 'read')]
  await writeFile(file, first.line)
  const settings = { apiKeys: '', apiKeysFile: file }
  const keys = new ApiKeys(await readKeys(settings))
  const outcomes: string[] = []
  const errors: string[] = []
  const logger = { info: () => undefined, error: (_facts: object, message: string) => void errors.push(message) }
  const stop = followKeyFile({
    settings,
    keys,
    logger,
    onReload: (outcome) => outcomes.push(outcome),
    lookEveryMs: 20,
  })
  t.after(stop)
  const untilReloads = (count: number) => until(() => outcomes.length >= count, `${count} reloads`)
  // atomically: each change is to be one reload
  const replace = async (text: string) => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  await replace(`${first.line}\n${second.line}`)
  await untilReloads(1)
  assert.deepEqual([keys.find(first.key)?.name, keys.find(second.key)?.name], ['first', 'second'])
  await replace(second.line)
  await untilReloads(2)
  assert.deepEqual([keys.find(first.key), keys.find(second.key)?.name], [undefined, 'second'])
  await replace(`${second.line}\nno key`)
  await untilReloads(3)
  assert.deepEqual(outcomes, ['reloaded', 'reloaded', 'refused'])
  assert.equal(keys.find(second.key)?.name, 'second')
  await replace('# none\n')
  await untilReloads(4)
  assert.deepEqual([outcomes.at(-1), keys.find(second.key), keys.isOpen], ['reloaded', undefined, false])
  assert.deepEqual(errors, [
    'the API keys are unchanged: their file cannot be used',
    'no API keys are left: callers with a key are refused',
  ])
})

test('a file is used once it is no longer being written', async () => {
  const { line } = makeKey('shop', 'admin', { verbs: ['search'] })
  const states = ['', line.slice(0, line.indexOf(' verbs=')), line, line, 'what is written later']
  assert.equal(parseKeys(states[1]!, 'half of it')[0]?.grant.verbs.has('admin'), true)
  const read = async () => states[0]!
  const pause = async () => void states.shift()
  assert.equal(await settled(read, pause), line)
})

test('a file that never stays the same is used nevertheless: a key that was removed from it is revoked', async () => {
  let reads = 0
  const read = async () => {
    assert.ok(reads < 1_000)
    return `# ${++reads}`
  }
  assert.equal(await settled(read, async () => {}), `# ${reads}`)
})

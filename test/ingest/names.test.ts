import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import { readIngestLine, readManifestLine } from '../../src/ingest/line-schemas.js'
import { nameOf, shownBytes, shownName } from '../../src/ingest/names.js'

test('a path becomes the id, its last folder the label', () => {
  const rows: [path: string, id: string, label: string | undefined][] = [
    ['a.jpg', 'a.jpg', undefined],
    ['./a.jpg', 'a.jpg', undefined],
    ['cycling/Image_12.jpg', 'cycling/Image_12.jpg', 'cycling'],
    ['photos/2024/cycling/a.jpg', 'photos/2024/cycling/a.jpg', 'cycling'],
    ['cycling\\Image_12.jpg', 'cycling/Image_12.jpg', 'cycling'],
    ['straße/ä b.jpg', 'straße/ä b.jpg', 'straße'],
    ['..a/b..jpg', '..a/b..jpg', '..a'],
  ]
  for (const [path, id, label] of rows)
    assert.deepEqual(nameOf(path), label === undefined ? { id } : { id, label }, path)
})

test('paths that escape the archive are refused', () => {
  const tricks = [
    '/etc/passwd',
    '\\\\server\\share',
    'C:\\x.jpg',
    'c:/x.jpg',
    '../a.jpg',
    'a/../../b.jpg',
    'a/..',
    '..\\a.jpg',
    'a\0.jpg',
    'a\nb.jpg',
    'a\ud83d.jpg',
    'a//b.jpg',
    '.',
    '',
    'x'.repeat(513),
    `${'x'.repeat(201)}/a.jpg`,
  ]
  for (const path of tricks) {
    assert.throws(
      () => nameOf(path),
      (error) => error instanceof AlikeError && error.code === 'archive_path_invalid',
      JSON.stringify(path),
    )
  }
})

test('ids and labels from paths may be as long as others: characters are counted, not their halves', () => {
  const [label, name] = ['\u{1f600}'.repeat(200), '\u{1f600}'.repeat(311)]
  assert.deepEqual(nameOf(`${label}/${name}`), { id: `${label}/${name}`, label })
  assert.throws(() => nameOf(`${label}/${name}x`), { code: 'archive_path_invalid' })
  assert.throws(() => nameOf(`x${label}/a.jpg`), { code: 'archive_path_invalid' })
})

test('canonically equivalent characters are equal', () => {
  const decomposed = 'Ka\u0308se/e\u0301.jpg'
  assert.deepEqual(nameOf(decomposed), { id: 'K\u00e4se/\u00e9.jpg', label: 'K\u00e4se' })
})

test('a displayed name has no control characters and a bounded length', () => {
  assert.equal(shownName('a\0b\n'), 'a\ufffdb\ufffd')
  assert.equal(shownName('x'.repeat(9999)).length, 512)
  assert.equal(shownBytes(Buffer.from('m\xfcller/1.jpg\n', 'latin1')), 'm\\xfcller/1.jpg\\x0a')
})

test('what an id or reference of a line must look like is said in words', () => {
  const rows: [add: object, detail: RegExp][] = [
    [{ id: '..', image: 'AA==' }, /^add\.id must neither be \. or \.\. nor contain control characters/],
    [{ id: 'a', image: 'AA==', reference: 'a.jpg' }, /^add\.reference must begin with https:/],
  ]
  for (const [add, detail] of rows)
    assert.throws(() => readIngestLine(Buffer.from(JSON.stringify({ add })), {}), { code: 'line_invalid', detail })
})

test('an id of a line is at most as long as an id may be, also in the form in which it is stored', () => {
  const read = (id: string) => {
    readIngestLine(Buffer.from(JSON.stringify({ add: { id, image: 'AA==' } })), {})
    readManifestLine(Buffer.from(JSON.stringify({ file: 'a', id })), {})
  }
  for (const id of ['\u{1f600}'.repeat(512), 'e\u0301'.repeat(256), '\u0958'.repeat(256)]) read(id)
  // one character that is two in NFC
  const long = JSON.stringify({ add: { id: '\u0958'.repeat(257), image: 'AA==' } })
  assert.throws(() => readIngestLine(Buffer.from(long), {}), { code: 'line_invalid' })
  const row = JSON.stringify({ file: 'a', id: '\u0958'.repeat(257) })
  assert.throws(() => readManifestLine(Buffer.from(row), {}), { code: 'line_invalid' })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import { isClutter, nameOf, shownName } from '../../src/ingest/names.js'

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
  for (const [path, id, label] of rows) assert.deepEqual(nameOf(path), label === undefined ? { id } : { id, label }, path)
})

test('paths that leave the archive are refused', () => {
  const tricks = ['/etc/passwd', '\\\\server\\share', 'C:\\x.jpg', 'c:/x.jpg', '../a.jpg', 'a/../../b.jpg', 'a/..', '..\\a.jpg', 'a\0.jpg', 'a\nb.jpg', 'a//b.jpg', '.', '', 'x'.repeat(513), `${'x'.repeat(201)}/a.jpg`]
  for (const path of tricks) {
    assert.throws(() => nameOf(path), (error) => error instanceof AlikeError && error.code === 'archive_path_invalid', JSON.stringify(path))
  }
})

test('what operating systems leave behind is clutter; climbing paths are not', () => {
  for (const path of ['a/', './', '', '__MACOSX/a/._b.jpg', 'a/.DS_Store', '.hidden/a.jpg', 'a/Thumbs.db', 'desktop.ini']) assert.ok(isClutter(path), path)
  for (const path of ['a.jpg', './a.jpg', '../a.jpg', 'a/../b.jpg', 'a.b/c.jpg']) assert.ok(!isClutter(path), path)
})

test('a shown name has no control characters and an end', () => {
  assert.equal(shownName('a\0b\n'), 'a\ufffdb\ufffd')
  assert.equal(shownName('x'.repeat(9999)).length, 512)
})

import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { withEqualFilesGrouped } from '../../src/datasets/equal-files.js'
import type { LabelledImage } from '../../src/datasets/labelled-image.js'
import { groupsAcross } from '../../src/datasets/split.js'
import { readSplitImages } from '../../src/datasets/split-images.js'
import { temporaryFolder } from '../support/temporary-folder.js'

test('equal files under several names are dealt to the same part', async (t) => {
  const folder = await temporaryFolder(t)
  for (const label of ['cat', 'dog']) {
    await mkdir(join(folder, label))
    for (let i = 0; i < 40; i++) await writeFile(join(folder, label, `${i}.jpg`), `${label} ${i % 20}`)
  }
  const images = await readSplitImages({ data: folder })
  const of = new Map(images.map((image) => [image.id, image]))
  for (const label of ['cat', 'dog'])
    for (let i = 0; i < 20; i++) {
      const [one, other] = [of.get(`${label}/${i}.jpg`)!, of.get(`${label}/${i + 20}.jpg`)!]
      assert.deepEqual([other.split, other.group], [one.split, one.group])
    }
  assert.deepEqual(new Set(images.map(({ split }) => split)), new Set(['train', 'val', 'test']))
  assert.equal(new Set(images.map(({ group }) => group)).size, 40)
})

test('equal files of data with a split of its own are copies of each other as well, in whatever parts', async (t) => {
  const folder = await temporaryFolder(t)
  const files = { 'train/cat/a.jpg': 'one', 'val/cat/b.jpg': 'two', 'test/cat/c.jpg': 'six', 'test/cat/d.jpg': 'one' }
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  const images = await readSplitImages({ data: folder })
  assert.deepEqual(
    images.map(({ id, split, group }) => [id, split, group]),
    [
      ['test/cat/c.jpg', 'test', 'test/cat/c.jpg'],
      ['test/cat/d.jpg', 'test', 'test/cat/d.jpg'],
      ['train/cat/a.jpg', 'train', 'test/cat/d.jpg'],
      ['val/cat/b.jpg', 'val', 'val/cat/b.jpg'],
    ],
  )
  assert.deepEqual(groupsAcross(images, 'split'), [['test/cat/d.jpg', 'train/cat/a.jpg']])
})

test('an equal file joins a stated group; files that cannot be read, or are only as long, stay alone', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'same'), 'same')
  await writeFile(join(folder, 'else'), 'else')
  const image = (id: string, file: string, group = id): LabelledImage => ({
    ...{ id, label: 'cat', group },
    source: { path: join(folder, file) },
  })
  const bytes = new Uint8Array(new SharedArrayBuffer(4))
  bytes.set(Buffer.from('same'))
  const images = [
    image('a', 'same'),
    image('b', 'same', 'stated'),
    image('c', 'else', 'stated'),
    image('d', 'gone'),
    image('e', 'gone'),
    { ...image('f', ''), source: { bytes } },
  ]
  const grouped = await withEqualFilesGrouped(images)
  assert.deepEqual(
    grouped.map(({ id, group }) => [id, group]),
    [
      ['a', 'stated'],
      ['b', 'stated'],
      ['c', 'stated'],
      ['d', 'd'],
      ['e', 'e'],
      ['f', 'stated'],
    ],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLitter } from '../../src/ingest/litter.js'
import { packFiles, type UploadedFile } from '../../src/ingest/sources/files.js'
import { tarOf, zipOf } from '../support/archives.js'
import { readSource, told } from '../support/read-source.js'

const litter = [
  '__MACOSX/a/._b.jpg',
  'a/.DS_Store',
  '._a.jpg',
  '.hidden/a.jpg',
  'a/Thumbs.db',
  'a/THUMBS.DB',
  'desktop.ini',
  'Desktop.ini',
  'album/@eaDir/1.jpg/SYNOPHOTO_THUMB_XL.jpg',
  '#recycle/1.jpg',
  '@Recycle/1.jpg',
  '.@__thumb/default1.jpg',
  '#snapshot/1.jpg',
  '$RECYCLE.BIN/S-1-5/$R1.jpg',
  '.Trash-1000/files/1.jpg',
  '.Trashes/1.jpg',
  'System Volume Information/1.jpg',
  'lost+found/1.jpg',
  '.git/objects/1.jpg',
  'a\\@eaDir\\1.jpg',
  'IMG_1.xmp',
  'IMG_1.jpg.xmp',
  'IMG_1.AAE',
  'IMG_1.jpg.json',
  'IMG_1.jpg.supplemental-metadata.json',
  'notes.txt',
  'IMG_1.THM',
  'picasa.ini',
]
const images = [
  'a.jpg',
  './a.jpg',
  'a/../b.jpg',
  'a.b/c.jpg',
  'xmp/1.jpg',
  'json',
  'thumbs/1.jpg',
  'recycle/1.jpg',
  'a@eaDir/1.jpg',
  'video.mp4',
  'a.csv',
  '',
]

test('files left behind by desktops, cameras and network disks are litter', () => {
  for (const path of litter) assert.ok(isLitter(path), path)
  for (const path of images) assert.ok(!isLitter(path), path)
})

test('litter is skipped and counted by one rule for archives and forms, or taken in on request', async (t) => {
  const paths = ['1.jpg', ...litter.filter((path) => !path.includes('\\'))]
  const entries = paths.map((path) => ({ path, content: Buffer.from(path) }))
  async function* files(): AsyncGenerator<UploadedFile> {
    for (const { path, content } of entries) yield { path, label: undefined, content }
  }
  const form: Buffer[] = []
  for await (const chunk of packFiles(files()).tar) form.push(Buffer.from(chunk as Buffer))
  for (const [kind, bytes] of [
    ['tar', await tarOf(entries)],
    ['zip', zipOf(entries)],
    ['files', Buffer.concat(form)],
  ] as const) {
    assert.deepEqual(
      (await readSource(t, bytes, { kind })).map(told),
      paths.map((path, n) => (n === 0 ? [path] : [path, 'skipped'])),
      kind,
    )
    assert.deepEqual(
      (await readSource(t, bytes, { kind, litter: 'take' })).map(told),
      paths.map((path) => [path]),
      `${kind}, taken`,
    )
  }
})

test('what a manifest names is not litter, and litter is not a manifest', async (t) => {
  const bytes = await tarOf([
    { path: 'manifest.csv', content: Buffer.from('filename\n.odd.jpg\nscan.txt\n') },
    { path: '.odd.jpg' },
    { path: 'scan.txt' },
    { path: 'other.txt' },
    { path: '@eaDir/labels.csv' },
  ])
  assert.deepEqual((await readSource(t, bytes, { kind: 'tar' })).map(told), [
    ['.odd.jpg'],
    ['scan.txt'],
    ['other.txt', 'skipped'],
    ['@eaDir/labels.csv', 'skipped'],
  ])
})

test('more litter than the maximum number of files does not refuse an archive', async (t) => {
  const bytes = await tarOf(Array.from({ length: 150 }, (_, n) => ({ path: `._${n}.jpg` })))
  const items = await readSource(t, bytes, { kind: 'tar' })
  assert.equal(items.length, 151, 'and a last line that says that there was no picture')
})

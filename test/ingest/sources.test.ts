import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { AlikeError } from '../../src/errors.js'
import { openSource, type SourceItem, type SourceKind } from '../../src/ingest/source.js'
import { packFiles, type UploadedFile } from '../../src/ingest/sources/files.js'
import { archiveKind, Spool } from '../../src/ingest/spool.js'
import { temporaryFolder } from '../support/app.js'
import { tarOf, zipOf, type ArchiveEntry } from '../support/archives.js'

const limits = { uploadMaxBytes: 1000, ingestMaxBytes: 50_000, ingestMaxFiles: 100 }

async function read(t: TestContext, kind: SourceKind, bytes: Buffer, from = 0): Promise<{ total: number | undefined; items: SourceItem[] }> {
  const file = join(await temporaryFolder(t), 'upload')
  await writeFile(file, bytes)
  const source = await openSource({ kind, label: 'unsorted' }, file, limits)
  t.after(() => source.close())
  const items: SourceItem[] = []
  for await (const item of source.items(from)) items.push(item)
  assert.equal(source.share, 1)
  return { total: source.total, items }
}

const brief = (item: SourceItem) => ('error' in item ? [item.index, item.name, item.error.code] : [item.index, item.id, item.label, item.bytes.toString()])

const entries: ArchiveEntry[] = [
  { path: 'cycling/', type: 'directory' },
  { path: 'cycling/a.jpg', content: Buffer.from('one') },
  { path: 'top.jpg', content: Buffer.from('two') },
  { path: '../../etc/cron.d/x', content: Buffer.from('trick') },
  { path: '/absolute.jpg', content: Buffer.from('trick') },
  { path: '.DS_Store', content: Buffer.from('clutter') },
  { path: '__MACOSX/cycling/._a.jpg', content: Buffer.from('clutter') },
  { path: 'link.jpg', type: 'symlink' },
  { path: 'large.jpg', content: Buffer.alloc(1001) },
  { path: `deep/${'x'.repeat(150)}/b.jpg`, content: Buffer.from('three') },
  { path: 'empty.jpg' },
]
const expected = [
  [0, 'cycling/a.jpg', 'cycling', 'one'],
  [1, 'top.jpg', 'unsorted', 'two'],
  [2, '../../etc/cron.d/x', 'archive_path_invalid'],
  [3, '/absolute.jpg', 'archive_path_invalid'],
  [4, 'link.jpg', 'archive_path_invalid'],
  [5, 'large.jpg', 'image_too_large'],
  [6, `deep/${'x'.repeat(150)}/b.jpg`, 'x'.repeat(150), 'three'],
  [7, 'empty.jpg', 'unsorted', ''],
]

test('tar, tar.gz and zip give the same items', async (t) => {
  const tar = await tarOf(entries)
  for (const [kind, bytes] of [['tar', tar], ['tar.gz', gzipSync(tar)], ['zip', zipOf(entries)]] as const) {
    const { items, total } = await read(t, kind, bytes)
    assert.deepEqual(items.map(brief), expected, kind)
    assert.equal(total, kind === 'zip' ? 8 : undefined)
    assert.deepEqual((await read(t, kind, bytes, 5)).items.map(brief), expected.slice(5), `${kind}, resumed`)
  }
})

test('links and devices in a tar are error lines', async (t) => {
  const bytes = await tarOf([{ path: 'hard', type: 'link' }, { path: 'device', type: 'character-device' }, { path: 'pipe', type: 'fifo' }, { path: 'ok', content: Buffer.from('x') }])
  assert.deepEqual((await read(t, 'tar', bytes)).items.map(brief), [
    [0, 'hard', 'archive_path_invalid'], [1, 'device', 'archive_path_invalid'], [2, 'pipe', 'archive_path_invalid'], [3, 'ok', 'unsorted', 'x'],
  ])
})

test('what comes before the damage is read; the damage is told', async (t) => {
  const tar = await tarOf(entries)
  const tooMany = await tarOf(Array.from({ length: 101 }, (_, n) => ({ path: `${n}`, content: Buffer.from('x') })))
  const rows: [name: string, kind: SourceKind, bytes: Buffer][] = [
    ['tar cut in a file', 'tar', tar.subarray(0, 3000)],
    ['tar cut in a header', 'tar', tar.subarray(0, 5 * 512 + 100)],
    ['gzip cut', 'tar.gz', gzipSync(tar).subarray(0, -20)],
    ['not gzip', 'tar.gz', tar],
    ['gzip bomb', 'tar.gz', gzipSync(await tarOf([{ path: 'a', content: Buffer.alloc(200_000) }]))],
    ['too many files', 'tar', tooMany],
    ['zip cut', 'zip', zipOf(entries).subarray(0, -30)],
    ['zip of zeros', 'zip', Buffer.alloc(100)],
    ['too many files in a zip', 'zip', zipOf(Array.from({ length: 101 }, (_, n) => ({ path: `${n}` })))],
  ]
  for (const [name, kind, bytes] of rows) {
    await assert.rejects(read(t, kind, bytes), (error) => error instanceof AlikeError && error.code === 'archive_unreadable', name)
  }
})

test('an entry that lies about itself in a zip is one error line', async (t) => {
  const bytes = zipOf([{ path: 'a', content: Buffer.alloc(900), statedBytes: 10 }, { path: 'b', content: Buffer.from('fine') }, { path: 'c', content: Buffer.alloc(50_000), statedBytes: 100 }])
  const { items } = await read(t, 'zip', bytes)
  assert.deepEqual(items.map(brief), [[0, 'a', 'image_unreadable'], [1, 'b', 'unsorted', 'fine'], [2, 'c', 'image_unreadable']])
})

test('uploaded files keep paths, labels and refusals on their way through the spool', async (t) => {
  const files: UploadedFile[] = [
    { path: 'ä/b.jpg', label: undefined, content: Buffer.from('one') },
    { path: 'ä/c.jpg', label: 'given\nlabel', content: Buffer.from('two') },
    { path: undefined, label: undefined, content: Buffer.from('three') },
    { path: '../x.jpg', label: undefined, content: Buffer.from('trick') },
    { path: 'large.jpg', label: 'x', content: { error: 'image_too_large' } },
    { path: '.hidden.jpg', label: undefined, content: Buffer.from('asked for by name') },
  ]
  async function* upload() {
    yield* files
  }
  const { tar, count } = packFiles(upload())
  const chunks: Buffer[] = []
  for await (const chunk of tar) chunks.push(Buffer.from(chunk as Buffer))
  assert.equal(count(), 6)
  const { items } = await read(t, 'files', Buffer.concat(chunks))
  assert.deepEqual(items.map(brief), [
    [0, 'ä/b.jpg', 'ä', 'one'],
    [1, 'ä/c.jpg', 'given\nlabel', 'two'],
    [2, '8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f', 'unsorted', 'three'],
    [3, '../x.jpg', 'archive_path_invalid'],
    [4, 'large.jpg', 'image_too_large'],
    [5, '.hidden.jpg', 'unsorted', 'asked for by name'],
  ])
})

test('the spool tells archives by their bytes and leaves nothing of a failed upload', async (t) => {
  const folder = await temporaryFolder(t)
  const spool = new Spool(folder)
  async function* stream(bytes: Buffer, fails = false) {
    yield bytes
    if (fails) throw new AlikeError('body_incomplete')
  }
  const rows: [bytes: Buffer, kind: string | undefined][] = [
    [await tarOf(entries), 'tar'], [gzipSync(Buffer.from('x')), 'tar.gz'], [zipOf([]), 'zip'], [zipOf(entries), 'zip'],
    [Buffer.alloc(1024), 'tar'], [Buffer.from('hello'), undefined], [Buffer.alloc(0), undefined],
  ]
  for (const [at, [bytes, kind]] of rows.entries()) {
    await spool.receive(`job-${at}`, Readable.from(stream(bytes)), 50_000)
    const found = archiveKind(spool.fileOf(`job-${at}`))
    if (kind === undefined) await assert.rejects(found, /tar, tar.gz and zip/)
    else assert.equal(await found, kind)
  }
  await assert.rejects(spool.receive('cut', Readable.from(stream(Buffer.alloc(10), true)), 50_000), /ended before/)
  await assert.rejects(spool.receive('large', Readable.from(stream(Buffer.alloc(50_001))), 50_000), /more bytes than allowed/)
  await spool.sweep(new Set(['job-0']))
  assert.deepEqual(await readdir(join(folder, 'spool')), ['job-0'])
})

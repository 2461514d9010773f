import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { fromBufferPromise } from 'yauzl'
import { AlikeError } from '../../src/errors.js'
import { archiveKind } from '../../src/ingest/archive-kind.js'
import { LineCount } from '../../src/ingest/lines.js'
import { openSource } from '../../src/ingest/open-source.js'
import type { SourceDescription, SourceItem, SourceKind } from '../../src/ingest/source.js'
import { packFiles, type UploadedFile } from '../../src/ingest/sources/files.js'
import { filesOfZip } from '../../src/ingest/sources/zip-directory.js'
import { Spool } from '../../src/ingest/spool.js'
import type { ListedBuckets } from '../../src/remote/listed-buckets.js'
import { temporaryFolder } from '../support/app.js'
import { type ArchiveEntry, tarOf, zipOf, zstdOf } from '../support/archives.js'

const limits = { uploadMaxBytes: 1000, ingestMaxBytes: 50_000, ingestMaxFiles: 100 }

async function read(
  t: TestContext,
  kind: SourceKind,
  bytes: Buffer,
  from = 0,
  bounds = limits,
  said: Partial<SourceDescription> = {},
): Promise<{ total: number | undefined; items: SourceItem[] }> {
  const file = join(await temporaryFolder(t), 'upload')
  await writeFile(file, bytes)
  const source = await openSource({ kind, label: 'unsorted', ...said }, file, { limits: bounds })
  t.after(() => source.close())
  const items: SourceItem[] = []
  for await (const item of source.items(from)) items.push(item)
  assert.equal(source.share, 1)
  return { total: source.total, items }
}

function brief(item: SourceItem) {
  if ('error' in item) return [item.index, item.name, item.error.code]
  if ('skipped' in item) return [item.index, item.name, item.note?.code ?? 'skipped']
  if ('remove' in item) return [item.index, item.remove, 'removed']
  if ('patch' in item) return [item.index, item.patch, 'patched', item.change]
  return [
    item.index,
    item.id,
    item.label,
    'url' in item ? item.url : 'bytes' in item ? item.bytes.toString() : item.size,
    ...(item.metadata === undefined ? [] : [item.metadata]),
  ]
}

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
  [4, '.DS_Store', 'skipped'],
  [5, '__MACOSX/cycling/._a.jpg', 'skipped'],
  [6, 'link.jpg', 'archive_path_invalid'],
  [7, 'large.jpg', 'image_too_large'],
  [8, `deep/${'x'.repeat(150)}/b.jpg`, 'x'.repeat(150), 'three'],
  [9, 'empty.jpg', 'unsorted', ''],
]

test('tar, tar.gz, tar.zst and zip yield the same items', async (t) => {
  const tar = await tarOf(entries)
  for (const [kind, bytes] of [
    ['tar', tar],
    ['tar.gz', gzipSync(tar)],
    ['tar.zst', zstdOf(tar)],
    ['zip', zipOf(entries)],
  ] as const) {
    const { items, total } = await read(t, kind, bytes)
    assert.deepEqual(items.map(brief), expected, kind)
    assert.equal(total, 10, kind)
    assert.deepEqual((await read(t, kind, bytes, 5)).items.map(brief), expected.slice(5), `${kind}, resumed`)
  }
})

test('data after the end of a gzip is reported, and everything before it is taken in', async (t) => {
  const packed = gzipSync(await tarOf(entries))
  for (const trailing of [Buffer.from('a text'), Buffer.alloc(600_000, 'junk')]) {
    const bytes = Buffer.concat([packed, trailing])
    const told = [10, 'end of the archive', 'archive_trailing_bytes']
    const { items, total } = await read(t, 'tar.gz', bytes)
    assert.deepEqual(items.map(brief), [...expected, told])
    assert.equal(total, 11)
    assert.deepEqual((await read(t, 'tar.gz', bytes, 10)).items.map(brief), [told], 'resumed')
    assert.deepEqual((await read(t, 'tar.gz', bytes, 11)).items, [])
  }
})

test('an archive without pictures says so, whether it is empty or everything in it is ignored', async (t) => {
  const ignored: ArchiveEntry[] = [
    { path: 'cycling/', type: 'directory' },
    { path: 'read.txt', content: Buffer.from('me') },
    { path: 'cycling/a.json', content: Buffer.from('{}') },
  ]
  for (const [count, given] of [
    [0, []],
    [2, ignored],
  ] as const) {
    const told = [count, 'the whole upload', 'source_without_pictures']
    for (const [kind, bytes] of [
      ['tar', await tarOf([...given])],
      ['zip', zipOf([...given])],
    ] as const) {
      const { items } = await read(t, kind, bytes)
      assert.deepEqual(items.map(brief).at(-1), told, kind)
      assert.equal(items.length, count + 1, kind)
      assert.deepEqual((await read(t, kind, bytes, count)).items.map(brief), [told], `${kind}, resumed`)
      assert.deepEqual((await read(t, kind, bytes, count + 1)).items, [], kind)
      const taken = await read(t, kind, bytes, 0, limits, { litter: 'take' })
      assert.equal(taken.items.length, Math.max(1, count), `${kind}, taken`)
    }
  }
})

test('output of the zstd command is unpacked', async (t) => {
  const { items } = await read(
    t,
    'tar.zst',
    await readFile('test/ingest/packed.tar.zst'),
    0,
    { ...limits, uploadMaxBytes: 200_000, ingestMaxBytes: 1e6 },
    { litter: 'take' },
  )
  const hashes = items.map((item) =>
    'bytes' in item ? [item.id, createHash('sha256').update(item.bytes).digest('hex').slice(0, 12)] : item,
  )
  assert.deepEqual(hashes, [
    ['cycling/long.txt', 'd743c8e0b30f'],
    ['cycling/x.txt', '2d711642b726'],
    ['top.bin', '0c7e735f8c10'],
  ])
})

test('dangling links in a tar are error lines, devices are skipped', async (t) => {
  const bytes = await tarOf([
    { path: 'hard', type: 'link' },
    { path: 'device', type: 'character-device' },
    { path: 'pipe', type: 'fifo' },
    { path: 'ok', content: Buffer.from('x') },
  ])
  assert.deepEqual((await read(t, 'tar', bytes)).items.map(brief), [
    [0, 'hard', 'archive_path_invalid'],
    [1, 'device', 'skipped'],
    [2, 'pipe', 'skipped'],
    [3, 'ok', 'unsorted', 'x'],
  ])
})

test('entries before damage are read; the damage is reported', async (t) => {
  const tar = await tarOf(entries)
  const tooMany = await tarOf(Array.from({ length: 101 }, (_, n) => ({ path: `${n}`, content: Buffer.from('x') })))
  const rows: [name: string, kind: SourceKind, bytes: Buffer][] = [
    ['tar cut in a file', 'tar', tar.subarray(0, 3000)],
    ['tar cut in a header', 'tar', tar.subarray(0, 5 * 512 + 100)],
    ['gzip cut', 'tar.gz', gzipSync(tar).subarray(0, -20)],
    ['a second member that is damaged', 'tar.gz', Buffer.concat([gzipSync(tar), gzipSync(tar).subarray(0, -20)])],
    ['not gzip', 'tar.gz', tar],
    ['zst cut', 'tar.zst', zstdOf(tar).subarray(0, -20)],
    ['not zst', 'tar.zst', tar],
    ['zst followed by something', 'tar.zst', Buffer.concat([zstdOf(tar), Buffer.from('something')])],
    ['zst that asks for 256 MiB', 'tar.zst', zstdOf(tar, 0x90)],
    ['zst bomb', 'tar.zst', zstdOf(await tarOf([{ path: 'a', content: Buffer.alloc(200_000) }]))],
    ['gzip bomb', 'tar.gz', gzipSync(await tarOf([{ path: 'a', content: Buffer.alloc(200_000) }]))],
    ['too many files', 'tar', tooMany],
    ['zip cut', 'zip', zipOf(entries).subarray(0, -30)],
    ['zip of zeros', 'zip', Buffer.alloc(100)],
    ['too many files in a zip', 'zip', zipOf(Array.from({ length: 101 }, (_, n) => ({ path: `${n}` })))],
  ]
  for (const [name, kind, bytes] of rows) {
    await assert.rejects(
      read(t, kind, bytes),
      (error) => error instanceof AlikeError && error.code === 'archive_unreadable',
      name,
    )
  }
})

test('a tar that is cut in its manifest is refused, instead of taken in without what the manifest says', async (t) => {
  for (const [path, row] of [
    ['manifest.csv', 'cycling/a.jpg,ride\n'],
    ['manifest.ndjson', '{"file":"cycling/a.jpg","label":"ride"}\n'],
  ] as const) {
    const content = Buffer.from(`${path.endsWith('csv') ? 'filename,label\n' : ''}${row}${'\n'.repeat(2_000)}`)
    const tar = await tarOf([...entries, { path, content }])
    const isCut = { code: 'manifest_invalid', detail: 'It is damaged inside the archive.' }
    await assert.rejects(read(t, 'tar', tar.subarray(0, -2_048)), isCut)
    await assert.rejects(read(t, 'tar.gz', gzipSync(tar.subarray(0, -2_048))), isCut)
  }
})

test('a zip entry with false sizes is one error line', async (t) => {
  const bytes = zipOf([
    { path: 'a', content: Buffer.alloc(900), statedBytes: 10 },
    { path: 'b', content: Buffer.from('fine') },
    { path: 'c', content: Buffer.alloc(50_000), statedBytes: 100 },
    { path: 'd', content: Buffer.alloc(900), statedBytes: 1_000 },
    { path: 'e', content: Buffer.alloc(900), statedBytes: 10, isStored: true },
    { path: 'f', content: Buffer.alloc(900), statedBytes: 1_000, isStored: true },
    { path: 'g', content: Buffer.from('stored'), isStored: true },
  ])
  const { items } = await read(t, 'zip', bytes)
  assert.deepEqual(items.map(brief), [
    [0, 'a', 'image_unreadable'],
    [1, 'b', 'unsorted', 'fine'],
    [2, 'c', 'image_unreadable'],
    [3, 'd', 'image_unreadable'],
    [4, 'e', 'image_unreadable'],
    [5, 'f', 'image_unreadable'],
    [6, 'g', 'unsorted', 'stored'],
  ])
})

test('a zip that does not end where it says is refused with the reason', async (t) => {
  const zip = zipOf(entries)
  for (const [bytes, detail] of [
    [Buffer.concat([zip, Buffer.from('more')]), 'Bytes after its end: 4.'],
    [Buffer.concat([zip, Buffer.alloc(100_000)]), 'It is cut off, or more than 65535 bytes follow its end.'],
    [zip.subarray(0, -30), 'It is cut off, or more than 65535 bytes follow its end.'],
  ] as const)
    await assert.rejects(read(t, 'zip', bytes), { code: 'archive_unreadable', detail })
})

test('a zip of more files than its directory can count, as macOS writes it, is read whole', async () => {
  const count = 65_537
  const bytes = zipOf(Array.from({ length: count }, (_, n) => ({ path: `${n}.jpg`, isStored: true })))
  const zip = await fromBufferPromise(bytes, { decodeStrings: false })
  let files = 0
  for await (const _file of filesOfZip(zip, { kind: 'zip' }, { ...limits, ingestMaxFiles: count })) files++
  assert.equal(files, count)
})

test('uploaded files keep paths, labels and refusals in the spool', async (t) => {
  const files: UploadedFile[] = [
    { path: 'ä/b.jpg', label: undefined, content: Buffer.from('one') },
    { path: 'ä/c.jpg', label: 'given\nlabel', content: Buffer.from('two') },
    { path: undefined, label: undefined, content: Buffer.from('three') },
    { path: '../x.jpg', label: undefined, content: Buffer.from('trick') },
    { path: 'large.jpg', label: 'x', content: { error: 'image_too_large' } },
    { path: '.hidden.jpg', label: undefined, content: Buffer.from('litter') },
    { path: 'x'.repeat(100_000), label: undefined, content: Buffer.from('four') },
    { path: 'last.jpg', label: undefined, content: Buffer.from('five') },
  ]
  async function* upload() {
    yield* files
  }
  const { tar, count } = packFiles(upload())
  const chunks: Buffer[] = []
  for await (const chunk of tar) chunks.push(Buffer.from(chunk as Buffer))
  assert.equal(count(), 8)
  const { items } = await read(t, 'files', Buffer.concat(chunks))
  assert.deepEqual(items.map(brief), [
    [0, 'ä/b.jpg', 'ä', 'one'],
    [1, 'ä/c.jpg', 'given\nlabel', 'two'],
    [2, '8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f', 'unsorted', 'three'],
    [3, '../x.jpg', 'archive_path_invalid'],
    [4, 'large.jpg', 'image_too_large'],
    [5, '.hidden.jpg', 'skipped'],
    [6, 'x'.repeat(512), 'archive_path_invalid'],
    [7, 'last.jpg', 'unsorted', 'five'],
  ])
})

test('the spool recognises archives by their bytes and leaves nothing of a failed upload', async (t) => {
  const folder = await temporaryFolder(t)
  const spool = new Spool(folder)
  async function* stream(bytes: Buffer, fails = false) {
    yield bytes
    if (fails) throw new AlikeError('body_incomplete')
  }
  const rows: [bytes: Buffer, kind: string | undefined][] = [
    [await tarOf(entries), 'tar'],
    [zstdOf(Buffer.from('x')), 'tar.zst'],
    [Buffer.from('502a4d1800000000', 'hex'), 'tar.zst'],
    [gzipSync(Buffer.from('x')), 'tar.gz'],
    [zipOf([]), 'zip'],
    [zipOf(entries), 'zip'],
    [Buffer.alloc(1024), 'tar'],
    [Buffer.from('hello'), undefined],
    [Buffer.alloc(0), undefined],
  ]
  for (const [at, [bytes, kind]] of rows.entries()) {
    await spool.receive(`job-${at}`, Readable.from(stream(bytes)), 50_000)
    const found = archiveKind(spool.fileOf(`job-${at}`))
    if (kind === undefined) await assert.rejects(found, /tar, tar.gz, tar.zst and zip/)
    else assert.equal(await found, kind)
  }
  await assert.rejects(spool.receive('cut', Readable.from(stream(Buffer.alloc(10), true)), 50_000), /ended early/)
  await assert.rejects(
    spool.receive('large', Readable.from(stream(Buffer.alloc(50_001))), 50_000),
    /exceeds the maximum size/,
  )
  await spool.sweep(new Set(['job-0']))
  assert.deepEqual(await readdir(join(folder, 'spool')), ['job-0'])
})

const rows = [
  ['photos/other.jpg', 'photos', 'not named'],
  ['one', 'cycling', 'first', { year: 2024, place: 'Ghent', code: '007' }],
  ['photos/deep/b.jpg', null, 'second', {}],
]
const named: ArchiveEntry[] = [
  { path: 'photos/other.jpg', content: Buffer.from('not named') },
  { path: 'photos/a.jpg', content: Buffer.from('first') },
  { path: './photos/deep/b.jpg', content: Buffer.from('second') },
]
const csv = Buffer.from(
  '\ufefffilename,label,id,year,place,code\r\na.jpg,cycling,one,2024,Ghent,007\r\ndeep/b.jpg,,,,,\r\ngone.jpg,running,,,,\r\n',
)
const ndjson = Buffer.from(
  [
    { file: 'a.jpg', label: 'cycling', id: 'one', metadata: { year: 2024, place: 'Ghent', code: '007' } },
    { file: 'deep/b.jpg', label: null, metadata: {} },
    { file: 'gone.jpg' },
  ]
    .map((row) => `${JSON.stringify(row)}\n\n`)
    .join(''),
)

test('a manifest describes the files beside it, wherever in the archive it is', async (t) => {
  for (const [path, content] of [
    ['photos/manifest.csv', csv],
    ['photos/labels.csv', csv],
    ['./photos/manifest.ndjson', ndjson],
  ] as const) {
    for (const place of [0, 1, 3]) {
      const all = named.toSpliced(place, 0, { path, content })
      const tar = await tarOf(all)
      for (const [kind, bytes] of [
        ['tar', tar],
        ['tar.gz', gzipSync(tar)],
        ['tar.zst', zstdOf(tar)],
        ['zip', zipOf(all)],
      ] as const) {
        const expectedItems = [...rows, ['photos/gone.jpg', 'manifest_file_missing']].map((item, index) => [
          index,
          ...item,
        ])
        assert.deepEqual(
          (await read(t, kind, bytes)).items.map(brief),
          expectedItems,
          `${kind}, ${path}, place ${place}`,
        )
        assert.deepEqual(
          (await read(t, kind, bytes, 2)).items.map(brief),
          expectedItems.slice(2),
          `${kind}, ${path}, resumed`,
        )
      }
    }
  }
})

test('an unusable manifest is reported before anything is taken in', async (t) => {
  const bounds = { ...limits, ingestMaxFiles: 3 }
  const tables: [name: string, entries: ArchiveEntry[], detail: RegExp][] = [
    [
      'no filename',
      [{ path: 'manifest.csv', content: Buffer.from('name,label\na,b\n') }],
      /manifest\.csv, header: It has no column "filename"/,
    ],
    [
      'cells missing',
      [{ path: 'labels.csv', content: Buffer.from('filename,label\na\n') }],
      /labels\.csv, row 2: It is not a CSV/,
    ],
    [
      'twice',
      [{ path: 'manifest.csv', content: Buffer.from('filename\na.jpg\nb.jpg\n./a.jpg\n') }],
      /row 4: It names a file twice/,
    ],
    ['climbs out', [{ path: 'manifest.csv', content: Buffer.from('filename\n../a.jpg\n') }], /row 2: It climbs out/],
    [
      'label too long',
      [{ path: 'manifest.csv', content: Buffer.from(`filename,label\na,${'x'.repeat(201)}\n`) }],
      /row 2: label/,
    ],
    [
      'no JSON',
      [{ path: 'manifest.ndjson', content: Buffer.from('{"file": "a"}\n\nnonsense\n') }],
      /line 3: It is no JSON/,
    ],
    [
      'unknown member',
      [{ path: 'manifest.jsonl', content: Buffer.from('{"file": "a", "colour": 1}\n') }],
      /line 1: "colour" is not known here/,
    ],
    [
      'two of them',
      [
        { path: 'manifest.csv', content: csv },
        { path: 'labels.csv', content: csv },
      ],
      /there is another one, manifest\.csv/,
    ],
    ['too many rows', [{ path: 'manifest.csv', content: Buffer.from('filename\na\nb\nc\nd\n') }], /more than 3 rows/],
  ]
  for (const [name, entries, detail] of tables) {
    for (const [kind, bytes] of [
      ['tar', await tarOf(entries)],
      ['zip', zipOf(entries)],
    ] as const) {
      await assert.rejects(
        read(t, kind, bytes, 0, bounds),
        (error) => error instanceof AlikeError && error.code === 'manifest_invalid' && detail.test(error.message),
        `${name}, ${kind}`,
      )
    }
  }
  const deeper = await read(
    t,
    'tar',
    await tarOf([{ path: 'a/b/manifest.csv', content: Buffer.from('a picture of that name') }]),
  )
  assert.deepEqual(deeper.items.map(brief), [[0, 'a/b/manifest.csv', 'b', 'a picture of that name']])
})

test('lines add, change and remove pictures; each bad one is an error of its own, with its number among all lines', async (t) => {
  const lines = [
    ['{"add": {"id": "a", "label": "x", "metadata": {"n": 1}, "image": "b25l"}}', 'a', 'x', 'one', { n: 1 }],
    ['\ufeff{"add": {"id": "b", "image": "data:image/png;base64,dHdv"}}', 'b', 'unsorted', 'two', {}],
    [
      '{"add": {"id": "c", "label": null, "url": "https://example.com/c.jpg"}}',
      'c',
      null,
      'https://example.com/c.jpg',
      {},
    ],
    ['{"delete": {"id": "a"}}', 'a', 'removed'],
    ['{"add": {"id": "a", "image": "b25l", "url": "https://example.com"}}', 'a', 'line_invalid'],
    ['{"add": {"id": "a"}}', 'a', 'line_invalid'],
    ['{"add": {"id": "a", "image": "no base64!"}}', 'a', 'line_invalid'],
    ['{"add": {"image": "b25l"}}', 'line 17', 'line_invalid'],
    ['{"add": {"id": "a\\u0000b", "image": "b25l"}}', 'line 19', 'line_invalid'],
    ['{"add": {"id": "a", "image": "b25l"}, "delete": {"id": "a"}}', 'line 21', 'line_invalid'],
    ['{"delete": {"id": "a", "why": "old"}}', 'line 23', 'line_invalid'],
    ['[1]', 'line 25', 'line_invalid'],
    ['null', 'line 27', 'line_invalid'],
    ['{"add": ', 'line 29', 'line_invalid'],
    [`{"add": {"id": "a", "image": "${'A'.repeat(140_000)}"}}`, 'line 31', 'image_too_large'],
    [`{"add": {"id": "a", "image": "${'A'.repeat(1_400)}"}}`, 'a', 'image_too_large'],
    [
      '{"patch": {"id": "a", "label": null, "metadata": {"n": 2}}}',
      'a',
      'patched',
      { label: null, metadata: { n: 2 } },
    ],
    ['{"patch": {"id": "..", "metadata": {}}}', '..', 'patched', { metadata: {} }],
    ['{"patch": {"id": "a"}}', 'line 39', 'line_invalid'],
    ['{"patch": {"label": "x"}}', 'line 41', 'line_invalid'],
    ['{"patch": {"id": "a", "label": ""}}', 'line 43', 'line_invalid'],
    ['{"patch": {"id": "a", "metadata": null}}', 'line 45', 'line_invalid'],
    ['{"patch": {"id": "a", "label": "x", "of": {}}}', 'line 47', 'line_invalid'],
    ['{"patch": {"id": "a", "label": "x", "image": "b25l"}}', 'line 49', 'line_invalid'],
    ['{"patch": {"id": "a", "label": "x"}, "delete": {"id": "a"}}', 'line 51', 'line_invalid'],
    [`{"patch": {"id": "a", "metadata": {"text": "${'A'.repeat(20_000)}"}}}`, 'line 53', 'line_invalid'],
    ['{"delete": {"id": "last"}}', 'last', 'removed'],
  ] as const
  const text = Buffer.from(`\n  \n${lines.map(([line]) => line).join('\r\n \t\n')}`)
  const wanted = lines.map(([, ...item], index) => [index, ...item])
  assert.deepEqual((await read(t, 'ndjson', text)).items.map(brief), wanted)
  assert.deepEqual((await read(t, 'ndjson', text, 3)).items.map(brief), wanted.slice(3))
  for (const size of [1, 2, 7, text.length]) {
    const counted = new LineCount()
    for (let at = 0; at < text.length; at += size) counted.add(text.subarray(at, at + size))
    assert.equal(counted.count, lines.length, `chunks of ${size}`)
  }
})

test('a blank line is none however long it is, as it is counted', async (t) => {
  const text = Buffer.from(`${' '.repeat(200_000)}\nhttps://example.com/a.jpg\n${'\t'.repeat(200_000)}`)
  const { items } = await read(t, 'urls', text)
  const counted = new LineCount()
  counted.add(text)
  assert.deepEqual([items.length, counted.count], [1, 1])
})

async function objects(t: TestContext, keys: string[], from = 0): Promise<SourceItem[]> {
  const file = join(await temporaryFolder(t), 'upload')
  await writeFile(file, keys.map((key) => `${JSON.stringify([key, 3])}\n`).join(''))
  const places = { buckets: { expectAllowed() {} } as unknown as ListedBuckets, folders: [] }
  const source = await openSource({ kind: 's3', bucket: 'b', prefix: 'p/' }, file, { limits, places })
  t.after(() => source.close())
  const items: SourceItem[] = []
  for await (const item of source.items(from)) items.push(item)
  return items
}

test('objects of a bucket whose keys become one id are reported, also if the first one was taken before', async (t) => {
  for (const from of [0, 2]) {
    const items = await objects(t, ['p/\u00e4.jpg', 'p/a.jpg', 'p/a\u0308.jpg'], from)
    assert.deepEqual(
      items.map((item) => 'id' in item && [item.index, item.id, item.repeats]),
      [
        [0, '\u00e4.jpg', false],
        [1, 'a.jpg', false],
        [2, '\u00e4.jpg', true],
      ].slice(from),
    )
  }
})

test('objects that consoles create for folders are skipped, also that of the prefix', async (t) => {
  assert.deepEqual((await objects(t, ['p/', 'p/q/', 'p/q/a.jpg'])).map(brief), [
    [0, 'p/', 'skipped'],
    [1, 'p/q/', 'skipped'],
    [2, 'q/a.jpg', 'q', 3],
  ])
})

test('a list that cannot be opened is an error of its job, not of the process', async (t) => {
  const file = join(await temporaryFolder(t), 'upload')
  const server = createServer().listen(file)
  t.after(() => void server.close())
  await once(server, 'listening')
  await assert.rejects(openSource({ kind: 'ndjson' } as SourceDescription, file, { limits }), { code: 'ENXIO' })
})

test('an archive is not looked through for a job that has been stopped', async (t) => {
  const file = join(await temporaryFolder(t), 'upload')
  await writeFile(file, await tarOf(entries))
  const signal = AbortSignal.abort(new Error('stopped'))
  await assert.rejects(openSource({ kind: 'tar' }, file, { limits, signal }), { message: 'stopped' })
})

/** Archives of a few kilobytes that claim to hold huge amounts: each is refused in time, without blocking others. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { AlikeError } from '../../src/errors.js'
import { openSource } from '../../src/ingest/open-source.js'
import type { SourceItem, SourceKind } from '../../src/ingest/source.js'
import { temporaryFolder } from '../support/app.js'
import { type ArchiveEntry, tarBlock, tarOf, zipOf, zstdOf } from '../support/archives.js'
import { longestTurn } from '../support/event-loop.js'

const limits = { uploadMaxBytes: 100_000, ingestMaxBytes: 1e9, ingestMaxFiles: 1_000 }
/** Maximum turn of the event loop; far above what is measured on an idle machine. */
const turnMaxMs = 200
/** Compilation and garbage collection cause single long turns; an archive would block every time. */
const roundsMax = 3

async function read(t: TestContext, kind: SourceKind, bytes: Buffer, bounds = limits): Promise<SourceItem[]> {
  const file = join(await temporaryFolder(t), 'upload')
  await writeFile(file, bytes)
  for (let round = 1; ; round++) {
    const { result, longestMs } = await longestTurn(async () => {
      const source = await openSource({ kind }, file, { limits: bounds })
      t.after(() => source.close())
      const items: SourceItem[] = []
      for await (const item of source.items(0)) items.push(item)
      return items
    })
    if (longestMs >= turnMaxMs && round < roundsMax) continue
    assert.ok(longestMs < turnMaxMs, `others waited for ${longestMs} ms`)
    if (result.status === 'rejected') throw result.reason
    return result.value
  }
}

const refused = (detail: RegExp) => (error: unknown) =>
  error instanceof AlikeError && error.code === 'archive_unreadable' && detail.test(error.message)

function repeated(count: number, block: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => block))
}

test('headers of megabytes are refused, of every kind', async (t) => {
  const bytes = 4 * 2 ** 20
  const path = `path=${'a/'.repeat(bytes / 2 - 20)}`
  const record = Buffer.from(`${path.length + 9} ${path}\n`)
  const file = tarBlock({ name: 'a.jpg', type: '0', size: 0 })
  const rows: [name: string, type: string, body: Buffer][] = [
    ['pax path', 'x', record],
    ['global pax', 'g', record],
    ['pax of Solaris', 'X', record],
    ['GNU long name', 'L', Buffer.alloc(bytes, 'a')],
    ['GNU long link', 'K', Buffer.alloc(bytes, 'a')],
  ]
  for (const [name, type, body] of rows) {
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 511)])
    const tar = repeated(10, Buffer.concat([tarBlock({ name: 'x', type, size: body.length }), padded, file]))
    for (const [kind, archive] of [
      ['tar', tar],
      ['tar.gz', gzipSync(tar)],
      ['tar.zst', zstdOf(tar)],
    ] as const) {
      await assert.rejects(read(t, kind, archive), refused(/A header in it has \d+ bytes/), `${name}, ${kind}`)
    }
  }
})

test('paths of kilobytes are one error line each', async (t) => {
  const entries: ArchiveEntry[] = [
    { path: `${'x/'.repeat(20_000)}a.jpg` },
    { path: `${'x'.repeat(50_000)}/${'y'.repeat(9)}` },
    { path: 'ok.jpg' },
  ]
  for (const [kind, bytes] of [
    ['tar', await tarOf(entries)],
    ['zip', zipOf(entries)],
  ] as const) {
    const items = await read(t, kind, bytes)
    assert.deepEqual(
      items.map((item) => ('error' in item ? item.error.code : item.name)),
      ['archive_path_invalid', 'archive_path_invalid', 'ok.jpg'],
      kind,
    )
    assert.ok(items.every(({ name }) => name.length <= 512))
  }
})

test('headers that lead to no file are counted as well', async (t) => {
  const folders = gzipSync(repeated(100_000, tarBlock({ name: 'folder/', type: '5', size: 0 })))
  const extended = gzipSync(repeated(100_000, tarBlock({ name: 'x', type: 'x', size: 0 })))
  const zip = zipOf(Array.from({ length: 8_001 }, (_, n) => ({ path: `${n}/` })))
  for (const [kind, bytes] of [
    ['tar.gz', folders],
    ['tar.gz', extended],
    ['zip', zip],
  ] as const) {
    await assert.rejects(read(t, kind, bytes), refused(/more than 8000 headers/), kind)
  }
})

test('the unpacked size is bounded for every kind of archive, by the actual bytes', async (t) => {
  const bounds = { ...limits, ingestMaxBytes: 500_000 }
  const entries = Array.from({ length: 6 }, (_, n) => ({ path: `${n}.jpg`, content: Buffer.alloc(100_000) }))
  const tar = await tarOf(entries)
  for (const [kind, bytes] of [
    ['tar.gz', gzipSync(tar)],
    ['tar.zst', zstdOf(tar)],
    ['zip', zipOf(entries)],
  ] as const) {
    await assert.rejects(read(t, kind, bytes, bounds), refused(/unpacks to more than 500000 bytes/), kind)
    assert.equal((await read(t, kind, bytes)).length, 6, kind)
  }
  // the directory of a zip may state less than it contains
  const lying = zipOf(entries.map((entry) => ({ ...entry, statedBytes: 1 })))
  for (const item of await read(t, 'zip', lying, bounds)) assert.ok('error' in item)
})

test('entries of a zip that share a body are each refused, unread, and the others are not', async (t) => {
  const body = { path: '0.jpg', content: Buffer.alloc(100_000) }
  const shared = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ ...body, path: `${n + 1}.jpg`, sharesBody: true }))
  for (const entries of [
    [body, ...shared(500)],
    [{ path: 'a' }, body, ...shared(1), { path: 'b' }],
  ]) {
    const items = await read(t, 'zip', zipOf(entries), { ...limits, ingestMaxBytes: 100_000 * entries.length })
    const refusedOnes = items.filter((item) => 'error' in item && /begins within it/.test(item.error.message))
    assert.deepEqual(
      refusedOnes.map(({ name }) => name),
      entries.filter(({ path }) => path.endsWith('.jpg')).map(({ path }) => path),
    )
  }
})

test('an entry of a zip whose false size reaches into the next one fails alone, wherever it is listed', async (t) => {
  const names = ['a.jpg', 'b.jpg', 'c.jpg']
  const zip = zipOf(names.map((path) => ({ path, content: Buffer.alloc(1_000, path) })))
  const inDirectory = (name: string) => zip.lastIndexOf(name) - 46
  for (const [liar, bytes] of [
    ['a.jpg', 900],
    ['a.jpg', 0xff_ff_ff_00],
    ['b.jpg', 900],
  ] as const) {
    const lying = Buffer.from(zip)
    lying.writeUInt32LE(bytes, inDirectory(liar) + 20)
    const items = await read(t, 'zip', lying)
    assert.deepEqual(
      items.map((item) => ('error' in item ? item.error.code : item.name)),
      names.map((name) => (name === liar ? 'image_unreadable' : name)),
    )
  }
})

test('no manifest can stall the service', async (t) => {
  const wide = Buffer.from(`filename${',a'.repeat(100_000)}\n`)
  const cell = Buffer.from(`filename,note\na.jpg,${'x'.repeat(4_000_000)}\n`)
  const quoted = Buffer.from(`filename,note\na.jpg,"${'x\n'.repeat(2_000_000)}`)
  const lines = Buffer.from(`{"file":"${'a'.repeat(4_000_000)}"}\n`)
  for (const [path, content, detail] of [
    ['manifest.csv', wide, /more than 120 columns/],
    ['manifest.csv', cell, /Max Record Size/i],
    ['labels.csv', quoted, /Max Record Size/i],
    ['manifest.ndjson', lines, /longer than/],
  ] as const) {
    for (const [kind, bytes] of [
      ['tar.gz', gzipSync(await tarOf([{ path, content }]))],
      ['zip', zipOf([{ path, content }])],
    ] as const) {
      await assert.rejects(
        read(t, kind, bytes),
        (error) => error instanceof AlikeError && error.code === 'manifest_invalid' && detail.test(error.message),
        `${path}, ${kind}`,
      )
    }
  }
})

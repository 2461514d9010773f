/** Names that are not UTF-8, or do not declare their encoding: never merged into one id, and never guessed silently. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type NameEncoding, readName, type WrittenName } from '../../src/ingest/name-encoding.js'
import type { SourceKind } from '../../src/ingest/source.js'
import { paxRecord, rawTar, unicodePath, type ZipName, zipOf } from '../support/archives.js'
import { readSource, told } from '../support/read-source.js'

const latin1 = (text: string) => Buffer.from(text, 'latin1')

test('a name is decoded as the format declares, else as the caller states, else as UTF-8, else it is an error', () => {
  const shiftJis = Buffer.from('8365835883672e6a7067', 'hex')
  const rows: [
    name: string,
    written: WrittenName,
    stated: NameEncoding | undefined,
    path: string | undefined,
    assumed?: true,
  ][] = [
    ['ASCII', { bytes: latin1('a.jpg') }, undefined, 'a.jpg'],
    ['UTF-8 that nobody speaks of', { bytes: Buffer.from('Käse') }, undefined, 'Käse'],
    ['UTF-8 in a zip without the flag', { bytes: Buffer.from('Käse'), says: 'cp437' }, undefined, 'Käse'],
    ['UTF-8 in two characters', { bytes: Buffer.from('Ka\u0308se') }, undefined, 'Käse'],
    ['Latin-1 that nobody speaks of', { bytes: latin1('Käse') }, undefined, undefined],
    ['Latin-1, stated', { bytes: latin1('Käse') }, 'latin1', 'Käse'],
    ['Windows, stated', { bytes: latin1('\x80 5') }, 'windows-1252', '€ 5'],
    ['DOS, as the format has it', { bytes: latin1('K\x84se'), says: 'cp437' }, undefined, 'Käse', true],
    ['DOS, stated', { bytes: latin1('K\x84se\xb5'), says: 'cp437' }, 'cp850', 'KäseÁ'],
    ['Japanese, stated', { bytes: shiftJis, says: 'cp437' }, 'shift_jis', 'テスト.jpg'],
    ['flagged UTF-8, whatever is stated', { bytes: Buffer.from('Käse'), says: 'utf-8' }, 'latin1', 'Käse'],
    ['flagged UTF-8 that is none', { bytes: latin1('Käse'), says: 'utf-8' }, undefined, undefined],
    ['flagged UTF-8 that is none, stated', { bytes: latin1('Käse'), says: 'utf-8' }, 'latin1', 'Käse'],
    ['not what is stated', { bytes: latin1('\x81') }, 'windows-1252', undefined],
    ['half of a surrogate pair', { bytes: Buffer.from('eda080', 'hex') }, undefined, undefined],
  ]
  for (const [name, written, stated, path, assumed] of rows) {
    const read = readName(written, stated)
    assert.deepEqual(
      [read.misfit?.code, read.isAssumed],
      [path === undefined ? 'name_unreadable' : undefined, assumed],
      name,
    )
    if (path !== undefined) assert.equal(read.path, path, name)
  }
  assert.match(
    readName({ bytes: latin1('möller') }, undefined).misfit!.message,
    /as windows-1252 it would be "möller".*Set nameEncoding/,
  )
})

test('two Latin-1 names are two separate error lines, or two ids if their encoding is stated', async (t) => {
  const names = ['müller/1.jpg', 'möller/1.jpg']
  const tar = rawTar(names.map((name, n) => ({ name, content: Buffer.from(String(n)) })))
  const zip = zipOf(
    names.map((path, n) => ({
      path,
      name: { bytes: latin1(path), isFlaggedUtf8: false },
      content: Buffer.from(String(n)),
    })),
  )
  for (const [kind, bytes] of [
    ['tar', tar],
    ['zip', zip],
  ] as [SourceKind, Buffer][]) {
    assert.deepEqual(
      (await readSource(t, bytes, { kind })).map(told),
      [
        ['m\\xfcller/1.jpg', 'name_unreadable'],
        ['m\\xf6ller/1.jpg', 'name_unreadable'],
      ],
      kind,
    )
    const items = await readSource(t, bytes, { kind, nameEncoding: 'windows-1252' })
    assert.deepEqual(
      items.map((item) => 'bytes' in item && [item.id, item.label, String(item.bytes)]),
      [
        ['müller/1.jpg', 'müller', '0'],
        ['möller/1.jpg', 'möller', '1'],
      ],
      kind,
    )
  }
})

test('pax declares the encoding of its names; GNU and old headers do not', async (t) => {
  const utf8 = Buffer.from('Käse.jpg').toString('latin1')
  const content = (...records: Buffer[]) => Buffer.concat(records)
  const tar = rawTar([
    { name: 'x', type: 'x', content: content(paxRecord('path', utf8)) },
    { name: '1' },
    { name: 'x', type: 'x', content: content(paxRecord('hdrcharset', 'BINARY'), paxRecord('path', 'K\xf6se.jpg')) },
    { name: '2' },
    { name: 'x', type: 'x', content: content(paxRecord('path', 'K\xf6se.jpg')) },
    { name: '3' },
    { name: '././@LongLink', type: 'L', content: latin1(`${'long/'.repeat(30)}K\xfcse.jpg\0`) },
    { name: '4' },
    { name: 'g', type: 'g', content: content(paxRecord('hdrcharset', 'BINARY')) },
    { name: 'x', type: 'x', content: content(paxRecord('path', utf8)) },
    { name: '5' },
  ])
  const long = 'long/'.repeat(30)
  assert.deepEqual((await readSource(t, tar, { kind: 'tar' })).map(told), [
    ['Käse.jpg'],
    ['K\\xf6se.jpg', 'name_unreadable'],
    ['K\\xf6se.jpg', 'name_unreadable'],
    [`${long}K\\xfcse.jpg`, 'name_unreadable'],
    ['Käse.jpg', 'repeats'],
  ])
  assert.deepEqual((await readSource(t, tar, { kind: 'tar', nameEncoding: 'latin1' })).map(told).slice(0, 4), [
    ['Käse.jpg'],
    ['Köse.jpg'],
    ['Köse.jpg', 'repeats'],
    [`${long}Küse.jpg`],
  ])
})

test('a zip declares the encoding of its names by a flag, an extra field, or the system that made it', async (t) => {
  const dos = latin1('K\x84se.jpg')
  const rows: [name: ZipName, item: unknown[]][] = [
    [{ bytes: Buffer.from('1-Käse.jpg') }, ['1-Käse.jpg']],
    [{ bytes: Buffer.from('2-Käse.jpg'), isFlaggedUtf8: false }, ['2-Käse.jpg']],
    [{ bytes: Buffer.from('3-Ka\u0308se.jpg'), isFlaggedUtf8: false }, ['3-Käse.jpg']],
    [{ bytes: dos, isFlaggedUtf8: false, madeBy: 0 }, ['Käse.jpg', 'assumed']],
    [{ bytes: dos, isFlaggedUtf8: false, madeBy: 3 }, ['K\\x84se.jpg', 'name_unreadable']],
    [{ bytes: dos, isFlaggedUtf8: false, madeBy: 0, extra: unicodePath(dos, '6-Käse.jpg') }, ['6-Käse.jpg']],
    // the field belongs to another name: a tool unaware of it has renamed the file
    [
      { bytes: dos, isFlaggedUtf8: false, madeBy: 0, extra: unicodePath(latin1('other'), '7.jpg') },
      ['Käse.jpg', 'repeats', 'assumed'],
    ],
  ]
  const zip = zipOf(rows.map(([name]) => ({ path: '', name })))
  assert.deepEqual(
    (await readSource(t, zip, { kind: 'zip' })).map(told),
    rows.map(([, item]) => item),
  )
})

test('a manifest and the names beside it may use two Unicode forms', async (t) => {
  const csv = Buffer.from('filename,label,id\nKa\u0308se/1.jpg,Ka\u0308se,\nK\u00f6se/2.jpg,,e\u0301\n')
  const zip = zipOf([
    { path: 'labels.csv', content: csv },
    { path: 'K\u00e4se/1.jpg' },
    { path: 'Ko\u0308se/2.jpg' },
    { path: 'Ko\u0308se/3.jpg' },
  ])
  const items = await readSource(t, zip, { kind: 'zip' })
  assert.deepEqual(
    items.map((item) => 'id' in item && [item.id, item.label]),
    [
      ['K\u00e4se/1.jpg', 'K\u00e4se'],
      ['\u00e9', null],
      ['K\u00f6se/3.jpg', 'K\u00f6se'],
    ],
  )
})

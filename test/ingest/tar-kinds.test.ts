/** Real-world tar archives; those in `packed` were made by GNU tar 1.34. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { AlikeError } from '../../src/errors.js'
import { paxRecord, rawTar, tarBlock } from '../support/archives.js'
import { readSource, sourceLimits, told } from '../support/read-source.js'

const packed = (name: string) => readFile(`test/ingest/packed/${name}.tar.gz`)
const one = Buffer.from('one')

/** 30 pieces of 4 KiB, each after a hole of at least 12 KiB. */
const sparseFile = Buffer.alloc(31 * 16_384)
for (let n = 1; n <= 30; n++) sparseFile.fill(n, n * 16_384, n * 16_384 + 4096)

test('V7 archives, volume labels, pipes and hard links are supported', async (t) => {
  const files = [
    ['cycling/a.jpg', 'one'],
    ['cycling/b.jpg', 'one'],
  ]
  for (const [name, rest] of [
    ['v7', []],
    ['label-gnu', [['pipe', 'skipped']]],
    ['label-pax', [['pipe', 'skipped']]],
  ] as const) {
    const bytes = await packed(name)
    const items = await readSource(t, bytes, { kind: 'tar.gz' })
    assert.deepEqual(
      items.map((item) => ('bytes' in item ? [item.id, String(item.bytes)] : told(item))),
      [...files, ...rest],
      name,
    )
    assert.deepEqual(
      (await readSource(t, gunzipSync(bytes), { kind: 'tar' }, sourceLimits, 1)).map(({ index }) => index),
      items.slice(1).map(({ index }) => index),
      `${name}, resumed`,
    )
  }
})

test('sparse files are read whole, in all four formats', async (t) => {
  for (const name of ['sparse-gnu', 'sparse-pax-0.0', 'sparse-pax-0.1', 'sparse-pax-1.0']) {
    const [item, ...others] = await readSource(t, await packed(name), { kind: 'tar.gz' })
    assert.ok(item !== undefined && 'bytes' in item, name)
    assert.deepEqual([item.id, item.bytes.equals(sparseFile)], ['many.jpg', true], name)
    assert.deepEqual(others.map(told), [['cycling/a.jpg'], ['cycling/b.jpg']], `${name}: what comes after it is found`)
    const [large] = await readSource(
      t,
      await packed(name),
      { kind: 'tar.gz' },
      { ...sourceLimits, uploadMaxBytes: 500_000 },
    )
    assert.deepEqual(large && told(large), ['many.jpg', 'image_too_large'], name)
  }
})

test('holes count towards the unpacked size', async (t) => {
  const hole = (n: number) => [
    {
      name: 'x',
      type: 'x',
      content: Buffer.concat([paxRecord('GNU.sparse.size', '900000'), paxRecord('GNU.sparse.map', '0,3')]),
    },
    { name: `${n}.jpg`, content: one },
  ]
  const bytes = rawTar(Array.from({ length: 20 }, (_, n) => hole(n)).flat())
  await assert.rejects(
    readSource(t, bytes, { kind: 'tar' }),
    (error) => error instanceof AlikeError && /unpacks to more than/.test(error.message),
  )
  assert.equal(
    (await readSource(t, bytes, { kind: 'tar' }, { ...sourceLimits, ingestMaxBytes: 20_000_000 })).length,
    20,
  )
})

test('a sparse map that does not match its file is an error line', async (t) => {
  const maps = [
    '0,9',
    '5,3,1,2',
    '0,-3',
    '0',
    'x,y',
    '0,3,900,200',
    '0,1e9',
    Array.from({ length: 5_000 }, (_, n) => `${n},0`).join(','),
  ]
  const bytes = rawTar(
    maps.flatMap((map, n) => [
      {
        name: 'x',
        type: 'x',
        content: Buffer.concat([paxRecord('GNU.sparse.size', '1000'), paxRecord('GNU.sparse.map', map)]),
      },
      { name: `${n}.jpg`, content: one },
    ]),
  )
  const maps1 = ['', '1\n0\n', '99999\n', '1\n0\n99\n', 'x'.repeat(100)]
  const inData = rawTar(
    maps1.flatMap((map, n) => [
      {
        name: 'x',
        type: 'x',
        content: Buffer.concat([
          paxRecord('GNU.sparse.major', '1'),
          paxRecord('GNU.sparse.minor', '0'),
          paxRecord('GNU.sparse.realsize', '1000'),
        ]),
      },
      { name: `${n}.jpg`, content: Buffer.concat([Buffer.from(map), Buffer.alloc(512 - map.length), one]) },
    ]),
  )
  for (const [archive, count] of [
    [bytes, maps.length],
    [inData, maps1.length],
  ] as const) {
    assert.deepEqual(
      (await readSource(t, archive, { kind: 'tar' })).map(told),
      Array.from({ length: count }, (_, n) => [`${n}.jpg`, 'image_unreadable']),
    )
  }
})

test('every name of a hard link is taken in, with the file it named at that point', async (t) => {
  const bytes = rawTar([
    { name: 'early.jpg', type: '1', link: 'a.jpg' },
    { name: './a.jpg', content: Buffer.from('first') },
    { name: 'b.jpg', type: '1', link: 'a.jpg' },
    { name: 'c.jpg', type: '1', link: './b.jpg' },
    { name: 'a.jpg', content: Buffer.from('second') },
    { name: 'd.jpg', type: '1', link: 'a.jpg' },
    { name: 'gone.jpg', type: '1', link: 'nothing.jpg' },
    { name: '.hidden.jpg', type: '1', link: 'a.jpg' },
    // a link with its own body, as pax allows
    { name: 'x', type: 'x', content: paxRecord('mtime', '1') },
    { name: 'body.jpg', type: '1', link: 'a.jpg', content: Buffer.from('third') },
  ])
  const wanted = [
    ['early.jpg', 'archive_path_invalid'],
    ['a.jpg', 'first'],
    ['b.jpg', 'first'],
    ['c.jpg', 'first'],
    ['a.jpg', 'second', 'repeats'],
    ['d.jpg', 'second'],
    ['.hidden.jpg', 'skipped'],
    ['gone.jpg', 'archive_path_invalid'],
    ['body.jpg', 'third'],
  ]
  const brief = (items: Awaited<ReturnType<typeof readSource>>) =>
    items.map((item) => ('bytes' in item ? [item.id, String(item.bytes), ...told(item).slice(1)] : told(item)))
  assert.deepEqual(brief(await readSource(t, bytes, { kind: 'tar' })), wanted)
  for (let from = 0; from < wanted.length; from++) {
    assert.deepEqual(
      brief(await readSource(t, bytes, { kind: 'tar' }, sourceLimits, from)),
      wanted.slice(from),
      `from ${from}`,
    )
  }
})

test('thousands of names of one file count as often as they unpack it', async (t) => {
  const links = Array.from({ length: 90 }, (_, n) => ({ name: `${n}.jpg`, type: '1', link: 'a.jpg' }))
  const bytes = rawTar([{ name: 'a.jpg', content: Buffer.alloc(200_000) }, ...links])
  await assert.rejects(
    readSource(t, bytes, { kind: 'tar' }),
    (error) => error instanceof AlikeError && /unpacks to more than/.test(error.message),
  )
})

test('global headers apply to what follows, and an empty value cancels them', async (t) => {
  const bytes = rawTar([
    { name: 'g', type: 'g', content: Buffer.concat([paxRecord('comment', 'x'), paxRecord('path', 'given.jpg')]) },
    { name: '1.jpg' },
    { name: 'x', type: 'x', content: paxRecord('path', '') },
    { name: '2.jpg' },
    { name: 'x', type: 'x', content: paxRecord('path', 'own.jpg') },
    { name: '3.jpg' },
    { name: 'g', type: 'g', content: paxRecord('path', '') },
    { name: '4.jpg' },
  ])
  assert.deepEqual((await readSource(t, bytes, { kind: 'tar' })).map(told), [
    ['given.jpg'],
    ['2.jpg'],
    ['own.jpg'],
    ['4.jpg'],
  ])
})

test('unknown POSIX types are files; continuations from another volume are reported; incremental lists are skipped', async (t) => {
  const bytes = rawTar([
    { name: 'z.jpg', type: 'z', content: one },
    { name: 'm.jpg', type: 'M', content: one },
    { name: 'folder', type: 'D', content: Buffer.from('Ya.jpg\0') },
    { name: 'last.jpg', content: one },
  ])
  assert.deepEqual((await readSource(t, bytes, { kind: 'tar' })).map(told), [
    ['z.jpg'],
    ['m.jpg', 'archive_path_invalid'],
    ['last.jpg'],
  ])
})

test('an archive ends at its two zero blocks, unless another one is appended', async (t) => {
  const a = rawTar([{ name: 'a.jpg', content: one }])
  const b = rawTar([{ name: 'b.jpg', content: one }])
  for (const [rest, names] of [
    [b, [['a.jpg'], ['b.jpg']]],
    [Buffer.from('whatever the tape held'), [['a.jpg']]],
    [Buffer.alloc(2_000, 7), [['a.jpg']]],
  ] as const) {
    assert.deepEqual((await readSource(t, Buffer.concat([a, rest]), { kind: 'tar' })).map(told), names)
  }
  const noEnd = Buffer.concat([tarBlock({ name: 'a.jpg', type: '0', size: 0 }), Buffer.alloc(700, 7)])
  await assert.rejects(readSource(t, noEnd, { kind: 'tar' }), /damaged after 1 files/)
})

test('a file with a long name is no folder, though its header cuts the name off after a slash', async (t) => {
  const folder = 'a'.repeat(99)
  const path = `${folder}/b.jpg`
  const bytes = rawTar([
    { name: '././@LongLink', type: 'L', content: Buffer.from(`${path}\0`) },
    { name: `${folder}/`, content: one },
    { name: 'x', type: 'x', content: paxRecord('path', `c${path}`) },
    { name: `c${folder.slice(1)}/`, content: one },
    { name: 'last.jpg', content: one },
  ])
  assert.deepEqual((await readSource(t, bytes, { kind: 'tar' })).map(told), [[path], [`c${path}`], ['last.jpg']])
})

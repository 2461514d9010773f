/** A small sweep over every kind of file in a data folder; the large one is `test/long/damage.long.ts`. */
import assert from 'node:assert/strict'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { newImage, putImages } from '../../gallery/stored-images.js'
import { crashedFolder, damageAndAsk, expectHonest, vectors } from './honest-galleries.js'
import { dataFolder, openIn } from './storage-folder.js'
import { seededRandom } from './vector-index/unit-vectors.js'

const rounds = 2

test('random damage to any file of the data folder gives a right answer or a clear refusal', async (t) => {
  const folder = await crashedFolder(t)
  const random = seededRandom(29)
  assert.deepEqual(
    folder.files.map((file) => file.replace(/[0-9]+T\S+Z-\w+/, 'ID').replace(/[0-9a-f]{16}(-[0-9a-f]+)?/, 'GALLERY')),
    [
      'alike.db',
      'alike.db-shm',
      'alike.db-wal',
      'alike.owner',
      'index/GALLERY.hnsw',
      'index/GALLERY.json',
      'snapshots/ID/alike.db',
      'snapshots/ID/manifest.json',
    ],
  )
  for (const file of folder.files) {
    for (let i = 0; i < rounds; i++) {
      // A truncated log is a shorter log: what cannot be detected is tested separately, below.
      if (file.endsWith('-wal')) continue
      const { outcome, what } = await damageAndAsk(t, folder, file, random)
      if (/^(index|snapshots)\//.test(file) || /-shm$|owner$/.test(file))
        assert.equal(outcome, 'unharmed', `${file}, ${what}`)
    }
  }
})

test('a flipped bit in the write-ahead log is detected, unless it is in the last write, which is then undone as a whole', async (t) => {
  const living = await dataFolder(t)
  const galleries = await openIn(t, living)
  await galleries.create('a')
  for (let i = 0; i < 20; i++) await putImages(galleries.images, 'a', [newImage(`p${i}`, vectors[i]!)])
  const dataDir = await dataFolder(t)
  await cp(living, dataDir, { recursive: true })
  const log = await readFile(join(dataDir, 'alike.db-wal'))
  const random = seededRandom(31)
  const counts = { refused: 0, whole: 0, withoutLast: 0 }
  for (let i = 0; i < 24; i++) {
    const place = i < 16 ? 2 * i + (i % 2) : Math.floor(random() * log.length)
    const bytes = Buffer.from(log)
    bytes[place]! ^= 1 << Math.floor(random() * 8)
    const copy = await dataFolder(t)
    await cp(dataDir, copy, { recursive: true })
    await writeFile(join(copy, 'alike.db-wal'), bytes)
    const opened = await openIn(t, copy).catch((error: { code?: string }) => {
      assert.equal(error.code, 'data_unreadable', `byte ${place}`)
      counts.refused++
    })
    if (opened === undefined) continue
    const { count } = await opened.get('a')
    assert.ok(count === 20 || (count === 19 && place > log.length / 2), `byte ${place}: ${count} pictures`)
    const { hits } = await opened.searches.search('a', { vector: vectors[0]!, k: 100 })
    assert.deepEqual(
      new Set(hits.map(({ record }) => record.id)),
      new Set(Array.from({ length: count }, (_, n) => `p${n}`)),
    )
    counts[count === 20 ? 'whole' : 'withoutLast']++
    await opened.close()
  }
  assert.ok(counts.refused > 12, JSON.stringify(counts))
})

test('a log whose last write was torn by a crash opens without that write', async (t) => {
  const folder = await crashedFolder(t)
  const path = join(folder.dataDir, 'alike.db-wal')
  const log = await readFile(path)
  await writeFile(path, Buffer.concat([log.subarray(0, log.length - 5_000), Buffer.alloc(5_000)]))
  const galleries = await openIn(t, folder.dataDir)
  assert.deepEqual((await galleries.images.get('a', 'p10'))?.metadata, { i: 10, changed: true })
  assert.deepEqual((await galleries.images.get('a', 'p11'))?.metadata, { i: 11 })
})

test('a log without its database, and a database without its log and graph, are opened or refused accordingly', async (t) => {
  const folder = await crashedFolder(t)
  for (const left of [['alike.db'], ['alike.db', 'alike.db-wal'], ['alike.db-wal']]) {
    const dataDir = await dataFolder(t)
    for (const file of left) await cp(join(folder.dataDir, file), join(dataDir, file))
    if (left.length === 2) assert.equal(await expectHonest(dataDir, folder.answers, left.join()), 'unharmed')
    else if (left[0] === 'alike.db-wal') await assert.rejects(openIn(t, dataDir), { code: 'data_unreadable' })
  }
})

test('a folder whose database is gone is not mistaken for a new one', async (t) => {
  const folder = await crashedFolder(t)
  for (const [keep, lost] of [
    [/^index/, 'gone'],
    [/^snapshots/, 'gone'],
    [/./, 'empty'],
  ] as const) {
    const dataDir = await dataFolder(t)
    for (const file of folder.files.filter((name) => keep.test(name) && name !== 'alike.db'))
      await cp(join(folder.dataDir, file), join(dataDir, file))
    if (lost === 'empty') await writeFile(join(dataDir, 'alike.db'), '')
    await assert.rejects(openIn(t, dataDir), { code: 'data_unreadable', detail: /alike\.db is gone or empty/ })
  }
})

test('originals and kept queries without their database are not taken for unused ones', async (t) => {
  for (const kept of ['originals/ab', 'queries/0123456789abcdef', 'originals/lost+found']) {
    const dataDir = await dataFolder(t)
    await mkdir(join(dataDir, kept), { recursive: true })
    if (kept.endsWith('lost+found')) await openIn(t, dataDir)
    else await assert.rejects(openIn(t, dataDir), { code: 'data_unreadable', detail: /alike\.db is gone or empty/ })
  }
})

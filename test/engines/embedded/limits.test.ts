import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import BetterSqlite3 from 'better-sqlite3'
import { pino } from 'pino'
import { model, newImage, putImages, removeImages } from '../../gallery/stored-images.js'
import { fillDisk, smallDisk } from '../../support/full-disk.js'
import { until } from '../../support/until.js'
import { engineOf } from './embedded-galleries.js'
import { dataFolder, openIn } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const vectors = Array.from({ length: 600 }, unitVectors({ dimension: model.dimension, seed: 3 }))
const images = vectors.map((vector, i) => newImage(`p${i}`, vector))

test('exceeding a limit is refused with a code, and existing data stays', async (t) => {
  const galleries = await openIn(t, await dataFolder(t), { storage: { galleryImagesMax: 5, writeQueueMax: 4 } })
  await galleries.create('a')
  await putImages(galleries.images, 'a', images.slice(0, 4))
  await assert.rejects(putImages(galleries.images, 'a', images.slice(4, 6)), { code: 'gallery_full' })
  await putImages(galleries.images, 'a', images.slice(0, 4)) // an upsert needs no additional room
  assert.equal((await galleries.get('a')).count, 4)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 6 }, () => putImages(galleries.images, 'a', [images[0]!])),
  )
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [...Array<string>(4).fill('fulfilled'), 'rejected', 'rejected'],
  )
  assert.equal((outcomes[5] as PromiseRejectedResult).reason.code, 'overloaded')
})

test('a gallery with more pictures than are allowed by now takes no further ones, but changes of those', async (t) => {
  const dataDir = await dataFolder(t)
  const former = await openIn(t, dataDir)
  await former.create('a')
  await putImages(former.images, 'a', images.slice(0, 4))
  await former.close()
  const galleries = await openIn(t, dataDir, { storage: { galleryImagesMax: 2 } })
  await assert.rejects(putImages(galleries.images, 'a', [images[4]!]), { code: 'gallery_full' })
  await putImages(galleries.images, 'a', [newImage('p0', vectors[5]!)])
  await galleries.images.change('a', [{ put: images[1]!, unlessSame: true }, { remove: 'p2' }])
  assert.equal((await galleries.get('a')).count, 3)
})

test('a full database refuses writes, keeps reading, and accepts writes again after deletions', async (t) => {
  const galleries = await openIn(t, await dataFolder(t), { storage: { databaseMaxBytes: 600_000 } })
  await galleries.create('a')
  const thumbnail = Buffer.alloc(20_000, 7)
  let stored = 0
  await assert.rejects(
    async () => {
      for (;;)
        await putImages(galleries.images, 'a', [newImage(`big${stored}`, vectors[stored % 600]!, { thumbnail })]).then(
          () => stored++,
        )
    },
    { code: 'storage_full' },
  )
  assert.ok(stored > 5)
  assert.equal((await galleries.get('a')).count, stored)
  assert.equal((await galleries.searches.search('a', { vector: vectors[1]!, k: 1 })).hits[0]?.record.id, 'big1')
  assert.equal((await galleries.searches.search('a', { vector: vectors[1]!, k: 1_000 })).hits.length, stored)
  await removeImages(galleries.images, 'a', ['big0', 'big1', 'big2'])
  await putImages(galleries.images, 'a', [newImage('after', vectors[0]!, { thumbnail })])
  assert.equal((await galleries.images.get('a', 'after'))?.id, 'after')
})

test('pictures of a gallery that is deleted while the disk is full are removed once there is space', async (t) => {
  const disk = await smallDisk(t, 48 * 2 ** 20)
  if (disk === undefined) return t.skip('this user may not mount a disk')
  const galleries = await openIn(t, join(disk, 'data'))
  const thumbnail = Buffer.alloc(20_000, 7)
  const many = images.slice(0, 400).map((image) => ({ ...image, thumbnail }))
  for (const name of ['kept', 'deleted']) {
    await galleries.create(name)
    for (let at = 0; at < many.length; at += 50) await putImages(galleries.images, name, many.slice(at, at + 50))
  }
  const free = await fillDisk(disk)
  // until the write-ahead log cannot grow either
  await assert.rejects(
    async () => {
      for (let n = 0; ; n++)
        await putImages(galleries.images, 'kept', [newImage(`more${n}`, vectors[0]!, { thumbnail })])
    },
    { code: 'storage_full' },
  )
  const filler = join(disk, 'filler')
  await truncate(filler, (await stat(filler)).size - 2 ** 16) // enough to delete the gallery, not its pictures
  await galleries.delete('deleted')
  const left = () => {
    const database = new BetterSqlite3(join(disk, 'data', 'alike.db'), { readonly: true })
    try {
      return database.prepare(`SELECT number FROM embedding_set WHERE stage = 'dropped'`).all().length
    } finally {
      database.close()
    }
  }
  await assert.rejects(putImages(galleries.images, 'kept', many.slice(0, 50)), { code: 'storage_full' })
  assert.equal(left(), 1)
  await free()
  await until(() => left() === 0, 'its pictures are removed')
})

test('pictures of a deleted gallery that cannot be removed are reported with the cause, and removed once they can be', async (t) => {
  const lines: { msg: string; err: { stack: string } }[] = []
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir, {
    logger: pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) }),
  })
  await galleries.create('a')
  await putImages(galleries.images, 'a', images.slice(0, 5))
  const database = new BetterSqlite3(join(dataDir, 'alike.db'))
  t.after(() => database.close())
  database.exec(`CREATE TRIGGER stays BEFORE DELETE ON image BEGIN SELECT RAISE(ABORT, 'it stays'); END`)
  await galleries.delete('a')
  await until(() => lines.length > 0, 'the failure is reported')
  assert.match(lines[0]!.msg, /cannot be removed/)
  assert.match(lines[0]!.err.stack, /it stays/)
  database.exec('DROP TRIGGER stays')
  const left = database.prepare('SELECT count(*) FROM image').pluck()
  await until(() => left.get() === 0, 'its pictures are removed')
  assert.equal(lines.length, 1)
})

test('deletions are accepted on a full disk, in room kept for them, and other writes once they have made some', async (t) => {
  const disk = await smallDisk(t, 160 * 2 ** 20)
  if (disk === undefined) return t.skip('this user may not mount a disk')
  const dataDir = join(disk, 'data')
  const galleries = await openIn(t, dataDir)
  const thumbnail = Buffer.alloc(150_000, 7)
  const many = images.slice(0, 400).map((image) => ({ ...image, thumbnail }))
  for (const [name, count] of [
    ['kept', 20],
    ['deleted', 400],
  ] as const) {
    await galleries.create(name)
    for (let at = 0; at < count; at += 20) await putImages(galleries.images, name, many.slice(at, at + 20))
  }
  const reserved = () => statSync(join(dataDir, 'alike.reserve'), { throwIfNoEntry: false })?.size ?? 0
  await until(() => reserved() > 2 ** 23, 'room is reserved')
  await fillDisk(disk)
  const another = (n: number) => putImages(galleries.images, 'kept', [newImage(`more${n}`, vectors[0]!, { thumbnail })])
  const label = (n: number) => galleries.images.patch('kept', 'p1', { label: `${n}` })
  for (const write of [another, label])
    await assert.rejects(
      async () => {
        for (let n = 0; ; n++) await write(n)
      },
      { code: 'storage_full' },
    )
  assert.deepEqual(await removeImages(galleries.images, 'kept', ['p0']), ['p0'])
  assert.match(galleries.readOnly ?? '', /Only deletions/)
  await assert.rejects(another(0), { code: 'storage_full', detail: galleries.readOnly })
  assert.ok((await galleries.images.removeFitting('kept', { field: 'label', in: [null] })) > 0)
  await galleries.delete('deleted')
  await until(() => galleries.readOnly === undefined, 'other writes are accepted')
  assert.ok(reserved() > 2 ** 23)
  await another(0)
})

test('after closing, writes are refused; closing twice is harmless', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const last = putImages(galleries.images, 'a', images.slice(0, 50))
  while (engineOf(galleries).writeQueueDepth === 0) await nextTurn()
  const closed = galleries.close()
  await assert.rejects(putImages(galleries.images, 'a', images.slice(0, 1)), { code: 'shutting_down' })
  assert.equal((await last).length, 50)
  await closed
  await galleries.close()
})

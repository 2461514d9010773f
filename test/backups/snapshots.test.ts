import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { openArchive } from '../../src/backups/archive.js'
import { readSnapshot } from '../../src/backups/read-snapshot.js'
import { openForWriting } from '../../src/engines/embedded/store/database/database.js'
import { schemaVersion } from '../../src/engines/embedded/store/database/schema.js'
import { dataFolder } from '../engines/embedded/storage-folder.js'
import { model, newImage, putImages } from '../gallery/stored-images.js'
import { smallDisk } from '../support/full-disk.js'
import { ended, filledGalleries, snapshotsIn, vectors } from './snapshot-parts.js'

test("a snapshot's manifest describes its content, and its files match it", async (t) => {
  const { dataDir } = await filledGalleries(t)
  const outcomes: unknown[] = []
  const snapshots = await snapshotsIn(t, dataDir, {
    onEnd: (outcome) => outcomes.push(outcome),
    onNewest: (at) => outcomes.push(at),
    clock: () => new Date('2026-03-01T09:30:00.000Z'),
  })
  const begun = await snapshots.create()
  assert.match(begun.id, /^20260301T093000Z-[0-9a-f]{6}$/)
  assert.equal(begun.state, 'writing')
  const { state, manifest } = await ended(snapshots, begun)
  assert.equal(state, 'ready')
  assert.deepEqual(
    manifest?.galleries.map(({ name, images, modelId }) => [name, images, modelId]),
    [
      ['a', 300, model.id],
      ['b', 1, model.id],
    ],
  )
  assert.deepEqual(
    [manifest.images, manifest.modelId, manifest.serviceVersion, manifest.schemaVersion],
    [301, model.id, '0.0.0', schemaVersion],
  )
  assert.deepEqual(outcomes, [new Date('2026-03-01T09:30:00.000Z'), 'ready'])
  const folder = join(dataDir, 'snapshots', begun.id)
  assert.deepEqual((await readdir(folder)).sort(), ['alike.db', 'manifest.json'])
  assert.deepEqual(await readSnapshot(folder), manifest)
})

test('what counts is the room where snapshots are stored, which may be a disk of its own', async (t) => {
  const { dataDir } = await filledGalleries(t)
  const disk = await smallDisk(t, 8 * 2 ** 20)
  if (disk === undefined) return t.skip('this user may not mount a disk')
  await symlink(disk, join(dataDir, 'snapshots'))
  const snapshots = await snapshotsIn(t, dataDir)
  await assert.rejects(snapshots.create(), { code: 'storage_full' })
})

test('if somebody has deleted the folder of all snapshots, there are none, and the next one makes it anew', async (t) => {
  const { dataDir } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir)
  await ended(snapshots, await snapshots.create())
  await rm(join(dataDir, 'snapshots'), { recursive: true })
  assert.deepEqual(await snapshots.list(), [])
  const next = await ended(snapshots, await snapshots.create())
  assert.equal(next.state, 'ready')
  assert.deepEqual(
    (await snapshots.list()).map(({ id }) => id),
    [next.id],
  )
})

test('writes continue meanwhile; the snapshot holds everything acknowledged before, and each later write entirely or not at all', async (t) => {
  const { dataDir, galleries } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir)
  const begun = await snapshots.create()
  let written = 0
  while ((await snapshots.get(begun.id)).state === 'writing') {
    // Two pictures each: a copy not taken at one moment would split a pair.
    await putImages(
      galleries.images,
      'a',
      [0, 1].map((twin) => newImage(`new-${written}-${twin}`, vectors[twin]!)),
    )
    written++
  }
  const { manifest, state } = await ended(snapshots, begun)
  assert.equal(state, 'ready')
  assert.ok(written > 0)
  const images = manifest!.galleries[0]!.images
  assert.ok(images >= 300 && images <= 300 + 2 * written && images % 2 === 0, `${images} pictures`)
  assert.equal((await galleries.get('a')).count, 300 + 2 * written)
})

test('one snapshot at a time, up to a maximum number, and deleting makes room', async (t) => {
  const { dataDir } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir, { max: 2 })
  const first = await snapshots.create()
  await assert.rejects(snapshots.create(), { code: 'snapshot_under_way' })
  await assert.rejects(snapshots.archive(first.id), { code: 'snapshot_not_ready' })
  await ended(snapshots, first)
  await ended(snapshots, await snapshots.create())
  await assert.rejects(snapshots.create(), { code: 'snapshots_full' })
  await snapshots.remove(first.id)
  await assert.rejects(snapshots.get(first.id), { code: 'snapshot_not_found' })
  await assert.rejects(snapshots.remove(first.id), { code: 'snapshot_not_found' })
  await ended(snapshots, await snapshots.create())
  assert.equal((await snapshots.list()).length, 2)
})

test('stopping a snapshot leaves nothing behind', async (t) => {
  const { dataDir } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir)
  const begun = await snapshots.create()
  await snapshots.remove(begun.id)
  assert.deepEqual(await snapshots.list(), [])
  assert.deepEqual(await readdir(join(dataDir, 'snapshots')), [])
  const second = await snapshots.create()
  await snapshots.close()
  assert.equal((await snapshots.get(second.id)).failure?.code, 'shutting_down')
  assert.deepEqual(await readdir(join(dataDir, 'snapshots')), [])
})

test('a snapshot that is deleted when it has just been written is gone', async (t) => {
  const { dataDir } = await filledGalleries(t)
  let written = () => {}
  const isWritten = new Promise<void>((resolve) => {
    written = resolve
  })
  let removed: Promise<void> | undefined
  const snapshots = await snapshotsIn(t, dataDir, {
    onNewest() {
      removed = snapshots.remove(begun.id)
      written()
    },
  })
  const begun = await snapshots.create()
  await isWritten
  await removed
  assert.deepEqual(await snapshots.list(), [])
  assert.deepEqual(await readdir(join(dataDir, 'snapshots')), [])
})

test('a snapshot that is deleted while it is looked at is not reported as damaged', async (t) => {
  const { dataDir } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir)
  for (let i = 0; i < 3; i++) await ended(snapshots, await snapshots.create())
  for (const { id } of await snapshots.list()) {
    const looked = [snapshots.list(), snapshots.get(id).then((one) => [one])].map((one) => one.catch(() => []))
    await snapshots.remove(id)
    for (const { state } of (await Promise.all(looked)).flat()) assert.equal(state, 'ready')
  }
})

test('a list that is asked for while a snapshot is completed contains it, once', async (t) => {
  const { dataDir } = await filledGalleries(t)
  let isWritten = false
  const snapshots = await snapshotsIn(t, dataDir, { onNewest: () => (isWritten = true) })
  const before = [await ended(snapshots, await snapshots.create()), await ended(snapshots, await snapshots.create())]
  isWritten = false
  const { id } = await snapshots.create()
  const lists: Promise<{ id: string }[]>[] = []
  while (!isWritten) {
    lists.push(snapshots.list())
    await new Promise(setImmediate)
  }
  for (const list of await Promise.all(lists))
    assert.deepEqual(list.map((one) => one.id).sort(), [...before.map((one) => one.id), id].sort())
})

test('closing waits for a snapshot that is being started', async (t) => {
  const { dataDir } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir)
  const starting = snapshots.create()
  await snapshots.close()
  const { id } = await starting
  assert.equal((await snapshots.get(id)).failure?.code, 'shutting_down')
  assert.deepEqual(await readdir(join(dataDir, 'snapshots')), [])
})

test('snapshots left half written or half deleted by a crash are removed and never listed', async (t) => {
  const { dataDir } = await filledGalleries(t)
  for (const name of ['20260301T093000Z-aaaaaa.writing', '20260301T093000Z-bbbbbb.deleting']) {
    await mkdir(join(dataDir, 'snapshots', name), { recursive: true })
    await writeFile(join(dataDir, 'snapshots', name, 'alike.db'), 'half')
  }
  const snapshots = await snapshotsIn(t, dataDir)
  assert.deepEqual(await snapshots.list(), [])
  assert.deepEqual(await readdir(join(dataDir, 'snapshots')), [])
})

test('a snapshot with damaged files is reported as damaged, is not downloadable, and can be deleted', async (t) => {
  const { dataDir } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir, { max: 9 })
  const damages: ((folder: string) => Promise<void>)[] = [
    (folder) => truncate(join(folder, 'alike.db'), 20_000),
    (folder) => rm(join(folder, 'alike.db')),
    (folder) => rm(join(folder, 'manifest.json')),
    async (folder) =>
      writeFile(
        join(folder, 'manifest.json'),
        (await readFile(join(folder, 'manifest.json'), 'utf8')).replace('"images": 301', '"images": 302'),
      ),
  ]
  for (const damage of damages) {
    const { id } = await ended(snapshots, await snapshots.create())
    await damage(join(dataDir, 'snapshots', id))
    assert.deepEqual(
      (await snapshots.list()).map(({ state }) => state),
      ['damaged'],
    )
    await assert.rejects(snapshots.archive(id), { code: 'snapshot_damaged' })
    await snapshots.remove(id)
  }
})

test('a database that lacks an embedding makes no snapshot, and the reason is given', async (t) => {
  const { dataDir, galleries } = await filledGalleries(t)
  await galleries.close()
  const path = join(dataDir, 'alike.db')
  const database = openForWriting(path, { maxBytes: 0 })
  database.exec('DELETE FROM embedding WHERE key = (SELECT max(key) FROM embedding)')
  database.close()
  const snapshots = await snapshotsIn(t, dataDir)
  const { state, failure } = await ended(snapshots, await snapshots.create())
  assert.deepEqual([state, failure?.code], ['failed', 'data_unreadable'])
  assert.match(failure!.detail, /301|embedding/)
  assert.deepEqual(await readdir(join(dataDir, 'snapshots')), [])
})

test('the archive has its stated length, is the same each time, and outlives its snapshot', async (t) => {
  const { dataDir } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir)
  const { id, manifest } = await ended(snapshots, await snapshots.create())
  const [first, second] = [await snapshots.archive(id), await snapshots.archive(id)]
  await snapshots.remove(id)
  const bytes = await buffer(first.tar)
  assert.equal(bytes.length, first.bytes)
  assert.ok(bytes.equals(await buffer(second.tar)))
  const file = join(await dataFolder(t), 'archive.tar')
  await writeFile(file, bytes)
  assert.deepEqual(await readSnapshot(file), manifest)
})

test('a snapshot deleted just before it is downloaded is not found', async (t) => {
  const { dataDir } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir)
  const { id, manifest } = await ended(snapshots, await snapshots.create())
  const folder = join(dataDir, 'snapshots', id)
  for (const gone of [join(folder, 'alike.db'), folder]) {
    await rm(gone, { recursive: true })
    await assert.rejects(openArchive(folder, manifest!), { code: 'snapshot_not_found' })
  }
})

test('the archive of a snapshot damaged after it was written breaks off before its end', async (t) => {
  const { dataDir } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir)
  const { id } = await ended(snapshots, await snapshots.create())
  const path = join(dataDir, 'snapshots', id, 'alike.db')
  const bytes = await readFile(path)
  bytes[bytes.indexOf('thumbnail of p77')]! ^= 1
  await writeFile(path, bytes)
  const { tar } = await snapshots.archive(id)
  await assert.rejects(buffer(tar), { code: 'snapshot_damaged' })
})

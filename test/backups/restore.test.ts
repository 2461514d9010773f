import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { restoreSnapshot } from '../../src/backups/restore.js'
import { AlikeError } from '../../src/errors.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { seededRandom } from '../engines/embedded/vector-index/unit-vectors.js'
import { listGalleries } from '../gallery/stored-images.js'
import { tarOf } from '../support/archives.js'
import { damagedBytes } from '../support/damage.js'
import { ended, filledGalleries, snapshotsIn, vectors } from './snapshot-parts.js'

/** A snapshot as folder and as archive, both outside the data folder. */
async function madeSnapshot(t: TestContext): Promise<{ folder: string; archive: string; id: string }> {
  const { dataDir, galleries } = await filledGalleries(t)
  const snapshots = await snapshotsIn(t, dataDir)
  const { id } = await ended(snapshots, await snapshots.create())
  const elsewhere = await dataFolder(t)
  const archive = join(elsewhere, 'archive.tar')
  await writeFile(archive, await buffer((await snapshots.archive(id)).tar))
  const folder = join(elsewhere, id)
  await cp(join(dataDir, 'snapshots', id), folder, { recursive: true })
  await galleries.close()
  return { folder, archive, id }
}

test('everything restored from a folder or archive is present and found', async (t) => {
  const { folder, archive, id } = await madeSnapshot(t)
  for (const snapshot of [folder, archive]) {
    const dataDir = join(await dataFolder(t), 'new')
    assert.equal((await restoreSnapshot(snapshot, dataDir)).id, id)
    const galleries = await openIn(t, dataDir)
    assert.deepEqual(
      (await listGalleries(galleries)).map(({ name, count, settings, rules }) => [
        ...[name, count, settings],
        rules.maxImages,
      ]),
      [
        ['a', 300, { x: 1 }, undefined],
        ['b', 1, {}, 2],
      ],
    )
    for (const [i, vector] of vectors.entries()) {
      const { hits } = await galleries.searches.search('a', { vector, k: 1 })
      assert.deepEqual([hits[0]?.record.id, hits[0]?.record.metadata], [`p${i}`, { i }])
      assert.equal(
        Buffer.from((await galleries.images.thumbnail('a', `p${i}`))!.bytes!).toString(),
        `thumbnail of p${i}`,
      )
    }
    await galleries.close()
  }
})

test('an archive may be packed by another program, which orders files as it likes', async (t) => {
  const { folder, id } = await madeSnapshot(t)
  const named = async (name: string) => ({ path: `${id}/${name}`, content: await readFile(join(folder, name)) })
  const [manifest, database] = [await named('manifest.json'), await named('alike.db')]
  const archive = join(folder, '..', 'packed.tar')
  await writeFile(archive, await tarOf([database, manifest]))
  const dataDir = await dataFolder(t)
  assert.equal((await restoreSnapshot(archive, dataDir)).id, id)
  assert.deepEqual(await readdir(dataDir), ['alike.db'])

  for (const files of [[database], [manifest], [manifest, database, database], [manifest, manifest, database]]) {
    await writeFile(archive, await tarOf(files))
    await assert.rejects(restoreSnapshot(archive, await dataFolder(t)), { code: 'snapshot_damaged' })
  }
})

test('it refuses a folder that is not empty or in use, and changes nothing there', async (t) => {
  const { archive } = await madeSnapshot(t)
  const used = await dataFolder(t)
  await writeFile(join(used, 'precious'), 'x')
  await assert.rejects(restoreSnapshot(archive, used), { code: 'restore_refused', detail: /precious/ })
  assert.deepEqual(await readdir(used), ['precious'])

  const served = await dataFolder(t)
  const galleries = await openIn(t, served)
  await galleries.create('mine')
  await assert.rejects(restoreSnapshot(archive, served), { code: 'restore_refused' })
  assert.equal((await listGalleries(galleries))[0]?.name, 'mine')

  const file = join(used, 'precious')
  await assert.rejects(restoreSnapshot(archive, file), { code: 'restore_refused' })
})

test('what a killed process leaves beside its database is no data', async (t) => {
  const { archive } = await madeSnapshot(t)
  const folder = await dataFolder(t)
  for (const name of ['alike.reserve', 'alike.reserve.part', 'alike.room']) await writeFile(join(folder, name), 'x')
  await restoreSnapshot(archive, folder)
})

test('an interrupted restore can be repeated, and no service starts on what it left', async (t) => {
  const { archive } = await madeSnapshot(t)
  const dataDir = await dataFolder(t)
  for (const suffix of ['', '-wal', '-shm', '-journal'])
    await writeFile(join(dataDir, `alike.db.restoring${suffix}`), 'half of it')
  await writeFile(join(dataDir, 'alike.lock'), '')
  await mkdir(join(dataDir, 'lost+found'))
  await assert.rejects(openIn(t, dataDir), { code: 'data_unreadable', message: /was interrupted/ })
  await restoreSnapshot(archive, dataDir)
  assert.deepEqual((await readdir(dataDir)).sort(), ['alike.db', 'lost+found'])
})

test('a snapshot with damage anywhere is refused, and leaves nothing that looks like data', async (t) => {
  const { folder, archive } = await madeSnapshot(t)
  const random = seededRandom(23)
  const files = [archive, join(folder, 'alike.db'), join(folder, 'manifest.json')]
  for (const file of files) {
    const whole = await readFile(file)
    for (let i = 0; i < 25; i++) {
      const { bytes, what } = damagedBytes(whole, random)
      await writeFile(file, bytes)
      const dataDir = await dataFolder(t)
      try {
        const manifest = await restoreSnapshot(file === archive ? archive : folder, dataDir)
        // Some bytes of a tar have no meaning: padding, the owner's name, the time.
        assert.equal(file, archive, what)
        assert.equal(manifest.images, 301, what)
        const galleries = await openIn(t, dataDir)
        assert.equal(
          (await galleries.searches.search('a', { vector: vectors[9]!, k: 1 })).hits[0]?.record.id,
          'p9',
          what,
        )
        await galleries.close()
      } catch (error) {
        assert.ok(error instanceof AlikeError && error.code === 'snapshot_damaged', `${what}: ${String(error)}`)
        assert.deepEqual(await readdir(dataDir), [], what)
      }
    }
    await writeFile(file, whole)
  }
})

test('anything but a snapshot is refused with a reason', async (t) => {
  const dataDir = await dataFolder(t)
  const folder = await dataFolder(t)
  await writeFile(join(folder, 'text'), 'no archive')
  for (const path of [folder, join(folder, 'text')])
    await assert.rejects(restoreSnapshot(path, join(dataDir, 'new')), { code: 'snapshot_damaged' })
  const nothing = restoreSnapshot(join(folder, 'nothing'), join(dataDir, 'new'))
  await assert.rejects(nothing, { code: 'snapshot_not_found' })
})

test('a data folder that cannot be created is refused', { skip: process.platform !== 'linux' }, async () => {
  await assert.rejects(restoreSnapshot('none.tar', '/proc/alike'), {
    code: 'data_unreadable',
    detail: 'alike.db cannot be opened there (ENOENT).',
  })
})

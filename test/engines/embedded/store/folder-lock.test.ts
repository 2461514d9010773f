/** One process owns a data folder, whatever is deleted in it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  access,
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  nameOfNetworkFileSystem,
  networkFileSystem,
} from '../../../../src/engines/embedded/store/folder/file-systems.js'
import { lockFolder } from '../../../../src/engines/embedded/store/folder/folder-lock.js'
import { listGalleries, model, newImage, putImages } from '../../../gallery/stored-images.js'
import { readOnlyDisk } from '../../../support/full-disk.js'
import { dataFolder, openIn } from '../storage-folder.js'
import { unitVectors } from '../vector-index/unit-vectors.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 12 })

/** A process that holds the lock until it is killed. */
async function lockingProcess(t: TestContext, dataDir: string): Promise<{ pid: number; kill(): Promise<void> }> {
  const lockModule = new URL('../../../../src/engines/embedded/store/folder/folder-lock.js', import.meta.url).href
  const code = `const { lockFolder } = await import(${JSON.stringify(lockModule)}); await lockFolder(${JSON.stringify(dataDir)}); console.log('locked'); setInterval(() => {}, 1e6)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return {
    pid: child.pid!,
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

test('a second process is refused with the owner of the folder, even if notes are deleted, until the first dies', async (t) => {
  const dataDir = await dataFolder(t)
  await (await openIn(t, dataDir)).close()
  const first = await lockingProcess(t, dataDir)
  await assert.rejects(openIn(t, dataDir), {
    code: 'data_unreadable',
    detail: new RegExp(`^Another process is using it: process ${first.pid} on ${hostname()}, since 2`),
  })
  for (const name of await readdir(dataDir)) if (name !== 'alike.db') await rm(join(dataDir, name), { recursive: true })
  await assert.rejects(openIn(t, dataDir), { code: 'data_unreadable', detail: 'Another process is using it.' })
  await first.kill()
  assert.deepEqual(await listGalleries(await openIn(t, dataDir)), [])
})

test('a new folder is locked before it contains anything', async (t) => {
  const dataDir = join(await dataFolder(t), 'new')
  await lockingProcess(t, dataDir)
  await assert.rejects(openIn(t, dataDir), { code: 'data_unreadable', detail: /is using it: process/ })
})

test('a refused opening does not affect the owner of the folder', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  await assert.rejects(openIn(t, dataDir), { code: 'data_unreadable', detail: 'Another process is using it.' })
  await putImages(galleries.images, 'a', [newImage('p', makeVector())])
  await galleries.close()
  assert.equal((await (await openIn(t, dataDir)).get('a')).count, 1)
})

test("the lock file of an older version is removed, and so is the owner's note", async (t) => {
  const dataDir = await dataFolder(t)
  for (const name of ['alike.lock', 'alike.lock-journal', 'alike.owner']) await writeFile(join(dataDir, name), 'left')
  const lock = await lockFolder(dataDir)
  assert.deepEqual((await readdir(dataDir)).sort(), ['alike.db', 'alike.owner'])
  assert.equal((JSON.parse(await readFile(join(dataDir, 'alike.owner'), 'utf8')) as { pid: number }).pid, process.pid)
  lock.release()
  assert.deepEqual(await readdir(dataDir), ['alike.db'])
})

test("a damaged owner's note is not repeated in the message", async (t) => {
  const dataDir = await dataFolder(t)
  const lock = await lockFolder(dataDir)
  for (const note of ['', '{', '{"pid":"1"}', '{"pid":1,"host":"a\\nb","since":"2026-01-01T00:00:00.000Z"}']) {
    await writeFile(join(dataDir, 'alike.owner'), note)
    await assert.rejects(lockFolder(dataDir), { code: 'data_unreadable', detail: 'Another process is using it.' })
  }
  lock.release()
})

for (const how of ['deleted', 'replaced'] as const) {
  test(`once the database is ${how} under the process, no write is acknowledged`, async (t) => {
    const dataDir = await dataFolder(t)
    const galleries = await openIn(t, dataDir)
    await galleries.create('a')
    const path = join(dataDir, 'alike.db')
    if (how === 'deleted') await rm(path)
    else {
      await copyFile(path, `${path}.new`)
      await rename(`${path}.new`, path)
    }
    await assert.rejects(putImages(galleries.images, 'a', [newImage('p', makeVector())]), {
      code: 'data_unreadable',
      detail: /deleted or replaced/,
    })
    assert.equal(galleries.failure?.code, 'data_unreadable')
    assert.equal((await galleries.get('a')).count, 0)
  })
}

test('a folder without write permission is distinguished from one in use', async (t) => {
  const dataDir = await dataFolder(t)
  await writeFile(join(dataDir, 'file'), '')
  await assert.rejects(openIn(t, join(dataDir, 'file')), { code: 'data_unreadable' })
  const closed = join(dataDir, 'closed')
  await mkdir(closed, { mode: 0o500 })
  if (
    await access(closed, 2).then(
      () => true,
      () => false,
    )
  )
    return t.skip('this user may write everywhere')
  await assert.rejects(openIn(t, closed), {
    code: 'data_unreadable',
    detail: `User ${process.geteuid!()} may not write to ${closed}, which belongs to user ${process.geteuid!()}.`,
  })
  await chmod(closed, 0o700)
  const database = join(closed, 'alike.db')
  await writeFile(database, '', { mode: 0o400 }) // of somebody else, as after a restore by root
  await assert.rejects(openIn(t, closed), {
    code: 'data_unreadable',
    detail: `User ${process.geteuid!()} may not write to ${database}, which belongs to user ${process.geteuid!()}.`,
  })
})

test('a data folder that is mounted read-only is told from one of another user', async (t) => {
  const disk = await readOnlyDisk(t)
  if (disk === undefined) return t.skip('this user may not mount')
  await assert.rejects(openIn(t, disk), {
    code: 'data_unreadable',
    detail: `The file system of ${disk} is mounted read-only.`,
  })
})

test('a folder of the data folder without write permission is named at the start', async (t) => {
  const dataDir = await dataFolder(t)
  await (await openIn(t, dataDir)).close()
  const disk = await readOnlyDisk(t)
  const closed = disk ?? (await mkdtemp(join(dataDir, 'closed-')))
  await chmod(closed, 0o500).catch(() => {}) // nor may its permissions be changed on that disk
  t.after(() => chmod(closed, 0o700).catch(() => {}))
  for (const part of ['spool', 'originals', 'snapshots']) {
    await symlink(closed, join(dataDir, part))
    await assert.rejects(openIn(t, dataDir), {
      code: 'data_unreadable',
      detail:
        disk === undefined
          ? new RegExp(`^User \\d+ may not write to ${join(dataDir, part)}, which belongs to user \\d+\\.$`)
          : `The file system of ${join(dataDir, part)} is mounted read-only.`,
    })
    await rm(join(dataDir, part))
  }
  await openIn(t, dataDir)
})

test('a new data folder is closed to other users, and one that is there stays as it is', async (t) => {
  const folder = await dataFolder(t)
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
  const created = join(folder, 'missing', 'created')
  await (await lockFolder(created)).release()
  assert.equal(await modeOf(created), '700')
  const existing = join(folder, 'existing')
  await mkdir(existing)
  await chmod(existing, 0o750) // of an owner who lets a group read it
  await (await lockFolder(existing)).release()
  assert.equal(await modeOf(existing), '750')
})

test('network file systems are recognised by name', async (t) => {
  assert.deepEqual([0x6969, 0xff534d42, 0x65735546, 0x01021997].map(nameOfNetworkFileSystem), [
    'NFS',
    'CIFS (SMB)',
    'FUSE',
    '9p',
  ])
  assert.equal(nameOfNetworkFileSystem(0xff534d42 | 0), 'CIFS (SMB)', 'signed, too')
  for (const local of [0xef53, 0x58465342, 0x9123683e, 0x01021994])
    assert.equal(nameOfNetworkFileSystem(local), undefined)
  assert.equal(networkFileSystem(join(await dataFolder(t), 'missing')), undefined)
})

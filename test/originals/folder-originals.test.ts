import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { FolderOriginals } from '../../src/originals/folder-originals.js'
import { OriginalsThread } from '../../src/originals/originals-thread.js'
import { fillDisk, smallDisk } from '../support/full-disk.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { hashOf, listed, testOriginalStore } from './original-stores.js'

testOriginalStore('folder', async (t) => new FolderOriginals(await temporaryFolder(t)))
testOriginalStore('folder, by its thread', async (t) => writtenByThread(t, await temporaryFolder(t)))

function writtenByThread(t: TestContext, folder: string, failures: Error[] = []): FolderOriginals {
  const thread = new OriginalsThread((error) => failures.push(error))
  t.after(() => thread.close())
  return new FolderOriginals(folder, (path, bytes) => thread.put(path, bytes))
}

const bytes = Buffer.from('a picture as it came')
const hash = hashOf(bytes)

test('files are two levels deep, so that no folder grows too large', async (t) => {
  const folder = await temporaryFolder(t)
  await new FolderOriginals(folder).put(hash, bytes)
  assert.deepEqual(await readdir(join(folder, hash.slice(0, 2), hash.slice(2, 4))), [hash])
})

test('a damaged original is reported, not served', async (t) => {
  const folder = await temporaryFolder(t)
  const store = new FolderOriginals(folder)
  await store.put(hash, bytes)
  await writeFile(join(folder, hash.slice(0, 2), hash.slice(2, 4), hash), Buffer.from('a picture as it cane'))
  await assert.rejects(store.get(hash), { code: 'data_unreadable' })
})

test('storing an original again renews its age; one truncated by a crash is rewritten', async (t) => {
  const folder = await temporaryFolder(t)
  const store = new FolderOriginals(folder)
  await store.put(hash, bytes)
  const path = join(folder, hash.slice(0, 2), hash.slice(2, 4), hash)
  const old = new Date(Date.now() - 7_200_000)
  await utimes(path, old, old)
  await store.put(hash, bytes)
  assert.equal(await store.remove(hash, new Date(Date.now() - 3_600_000)), 0)
  await writeFile(path, 'a pic')
  await store.put(hash, bytes)
  assert.deepEqual(await store.get(hash), bytes)
})

test('a damaged original is mended by storing it again', async (t) => {
  const folder = await temporaryFolder(t)
  const store = new FolderOriginals(folder)
  const large = randomBytes(600_000)
  const largeHash = hashOf(large)
  for (const at of [0, 300_000, 599_999]) {
    await store.put(largeHash, large)
    const damaged = Buffer.from(large)
    damaged[at]! ^= 1
    await writeFile(join(folder, largeHash.slice(0, 2), largeHash.slice(2, 4), largeHash), damaged)
    await store.put(largeHash, large)
    assert.deepEqual(await store.get(largeHash), large)
  }
})

test('half-written files of a dead process are removed when they are old', async (t) => {
  const folder = await temporaryFolder(t)
  const store = new FolderOriginals(folder)
  await store.put(hash, bytes)
  const half = join(folder, hash.slice(0, 2), hash.slice(2, 4), `${hash}.half.tmp`)
  await writeFile(half, 'half')
  await listed(store)
  assert.equal((await stat(half)).size, 4)
  const old = new Date(Date.now() - 7_200_000)
  await utimes(half, old, old)
  assert.deepEqual(
    (await listed(store)).map(({ contentHash }) => contentHash),
    [hash],
  )
  await assert.rejects(stat(half), { code: 'ENOENT' })
})

test('the thread writes pictures of any size, and leaves the bytes of its caller alone', async (t) => {
  const store = writtenByThread(t, await temporaryFolder(t))
  const around = randomBytes(3_000_000)
  for (const length of [0, 1, 1_000, 2 ** 20, 2 ** 20 + 1]) {
    const part = around.subarray(5, 5 + length)
    const before = hashOf(part)
    await store.put(before, part)
    assert.equal(hashOf(part), before)
    assert.deepEqual(await store.get(before), part)
  }
})

test('without its thread originals are written all the same', async (t) => {
  const failures: Error[] = []
  const thread = new OriginalsThread((error) => failures.push(error))
  const store = new FolderOriginals(await temporaryFolder(t), (path, bytes) => thread.put(path, bytes))
  await store.put(hash, bytes)
  const ended = thread.close()
  const other = Buffer.from('another picture')
  await store.put(hashOf(other), other)
  await ended
  assert.deepEqual(await store.get(hashOf(other)), other)
  assert.deepEqual(failures, [])
})

test('an original whose writing ends with its thread is written by the caller, and so are all later ones', async (t) => {
  const failures: Error[] = []
  const store = writtenByThread(t, await temporaryFolder(t), failures)
  t.mock.method(Worker.prototype, 'postMessage', function (this: Worker) {
    void this.terminate()
  })
  const others = Array.from({ length: 3 }, (_, i) => Buffer.from(`picture ${i}`))
  await Promise.all(others.map((other) => store.put(hashOf(other), other)))
  await store.put(hash, bytes)
  for (const one of [...others, bytes]) assert.deepEqual(await store.get(hashOf(one)), one)
  assert.equal(failures.length, 1)
})

for (const by of ['the caller', 'a thread'])
  test(`on a full disk an original is refused as a whole, and stored once there is room, written by ${by}`, async (t) => {
    const disk = await smallDisk(t, 2 * 2 ** 20)
    if (disk === undefined) return t.skip('this user may not make a disk')
    const folder = join(disk, 'originals')
    const store = by === 'a thread' ? writtenByThread(t, folder) : new FolderOriginals(folder)
    const small = Buffer.from('one that fits')
    await store.put(hashOf(small), small)
    const release = await fillDisk(disk)
    const large = Buffer.alloc(64 * 1024, 7)
    await assert.rejects(store.put(hashOf(large), large), { code: 'storage_full' })
    assert.deepEqual(
      (await listed(store)).map(({ contentHash }) => contentHash),
      [hashOf(small)],
    )
    assert.deepEqual(await store.get(hashOf(small)), small)
    assert.equal(await store.size(hashOf(large)), undefined)
    await release()
    await store.put(hashOf(large), large)
    assert.deepEqual(await store.get(hashOf(large)), large)
  })

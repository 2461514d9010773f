import assert from 'node:assert/strict'
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FolderMemory } from '../../../src/ingest/folders/folder-memory.js'
import { smallDisk } from '../../support/full-disk.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

test('a memory that is empty or damaged is begun again, and until then remembers what was taken', async (t) => {
  const dataDir = await temporaryFolder(t)
  const watched = { gallery: 'a', folder: '/srv/a' }
  const opened = () => FolderMemory.open(dataDir, watched, 'uid')
  const first = await opened()
  await first.expect('j', [['a.jpg', '1:1']])
  assert.equal((await opened()).jobId, 'j')
  await first.settle({ taken: () => true, removed: [] })
  assert.ok((await opened()).has('a.jpg', '1:1'))
  const [name = ''] = await readdir(join(dataDir, 'folders'))
  for (const left of ['', '\n', '{"galleryUid":"uid"', '\0'.repeat(64)]) {
    await writeFile(join(dataDir, 'folders', name), left)
    assert.equal((await opened()).count, 0)
  }
})

test('a job costs as much as it changes, and the file does not grow with every job', async (t) => {
  const dataDir = await temporaryFolder(t)
  const watched = { gallery: 'a', folder: '/srv/a' }
  const memory = await FolderMemory.open(dataDir, watched, 'uid')
  const files = Array.from({ length: 1_000 }, (_, n): [string, string] => [`${n}.jpg`, '1:1'])
  const take = async (taken: typeof files) => {
    await memory.expect('j', taken)
    await memory.settle({ taken: () => true, removed: [] })
  }
  await take(files)
  const [name = ''] = await readdir(join(dataDir, 'folders'))
  const bytes = async () => (await stat(join(dataDir, 'folders', name))).size
  const file = await open(join(dataDir, 'folders', name))
  t.after(() => file.close())
  const before = await bytes()
  memory.forget(['1.jpg'])
  await take([['2.jpg', '2:2']])
  assert.ok((await bytes()) - before < 1_000, `${await bytes()} bytes after ${before}`)
  assert.equal((await file.stat()).nlink, 1, 'it is not written anew')
  const opened = await FolderMemory.open(dataDir, watched, 'uid')
  assert.deepEqual([opened.count, opened.has('1.jpg', '1:1'), opened.has('2.jpg', '2:2')], [999, false, true])

  for (let job = 0; job < 25; job++) await take(files)
  assert.ok((await bytes()) < 30 * before, `${await bytes()} bytes`)
  assert.equal((await FolderMemory.open(dataDir, watched, 'uid')).count, 1_000)
})

test('what never became a picture is known, also later; what an unknown job may have stored is none of it', async (t) => {
  const dataDir = await temporaryFolder(t)
  const opened = () => FolderMemory.open(dataDir, { gallery: 'a', folder: '/srv/a' }, 'uid')
  const memory = await opened()
  const pass = async (
    stamp: string,
    refused: (path: string) => boolean,
    paths = ['never.jpg', 'first.jpg', 'later.jpg'],
  ) => {
    await memory.expect(
      'j',
      paths.map((path) => [path, stamp] as const),
    )
    await memory.settle({ taken: () => true, refused, removed: [] })
  }
  await pass('1:1', (path) => path !== 'first.jpg')
  await pass('2:2', (path) => path !== 'later.jpg')
  await pass('3:3', () => true)
  await pass('4:4', () => false, ['unknown.jpg'])
  await pass('5:5', () => true, ['unknown.jpg'])
  for (const one of [memory, await opened()])
    assert.deepEqual(
      [...one.paths()].filter((path) => one.isNoPicture(path)),
      ['never.jpg'],
    )
  await memory.keepMounts(Array.from({ length: 100 }, (_, n) => `${'long'.repeat(500)}-${n}`))
  assert.deepEqual([(await opened()).mounts.length, (await opened()).count], [100, 4])
})

test('wherever a crash cuts off what was written last, no file counts as taken, nor waits for a job that is not known', async (t) => {
  const dataDir = await temporaryFolder(t)
  const opened = () => FolderMemory.open(dataDir, { gallery: 'a', folder: '/srv/a' }, 'uid')
  const memory = await opened()
  await memory.settle({ taken: () => true, removed: [] })
  const [name = ''] = await readdir(join(dataDir, 'folders'))
  const file = join(dataDir, 'folders', name)
  const begun = (await stat(file)).size
  await memory.expect('j', [
    ['a.jpg', '1:1'],
    ['b.jpg', '1:1'],
  ])
  const expected = (await stat(file)).size
  await memory.settle({ taken: (path) => path === 'a.jpg', removed: ['b.jpg'] })
  const whole = await readFile(file)
  for (let cut = begun; cut <= whole.length; cut++) {
    await writeFile(file, whole.subarray(0, cut))
    const left = await opened()
    if (cut < expected) assert.ok(!left.has('a.jpg', '1:1'), `cut at ${cut}`)
    if (left.jobId === null) assert.deepEqual([...left.pending()], [], `cut at ${cut}`)
    // what is written next can be read
    await left.expect('k', [['c.jpg', '1:1']])
    await left.settle({ taken: () => true, removed: [] })
    const next = await opened()
    assert.deepEqual([next.jobId, next.has('c.jpg', '1:1')], [null, true], `cut at ${cut}`)
  }
  assert.ok((await opened()).has('a.jpg', '1:1'))
})

test('a memory that a full disk has no room for takes up none of it', async (t) => {
  const disk = await smallDisk(t, 2 ** 20)
  if (disk === undefined) return t.skip('this user may not mount a disk')
  const memory = await FolderMemory.open(disk, { gallery: 'a', folder: '/srv/a' }, 'uid')
  await memory.expect('j', [['a.jpg', '1:1']])
  const names = await readdir(join(disk, 'folders'))
  const many = Array.from({ length: 50_000 }, (_, n) => [`${n}.jpg`, '1:1'] as const)
  await assert.rejects(memory.expect('k', many), { code: 'storage_full' })
  assert.deepEqual(await readdir(join(disk, 'folders')), names)
  const { size } = await stat(join(disk, 'folders', names[0]!))
  const some = Array.from({ length: 9_000 }, (_, n) => [`${'long'.repeat(50)}-${n}.jpg`, '1:1'] as const)
  await assert.rejects(memory.expect('l', some), { code: 'storage_full' })
  assert.equal((await stat(join(disk, 'folders', names[0]!))).size, size)
})

import assert from 'node:assert/strict'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type FolderScanOptions,
  type FoundFile,
  readUnchanged,
  scanFolder,
} from '../../../src/ingest/folders/folder-scan.js'
import { mountDisk } from '../../support/full-disk.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const scanOptions: FolderScanOptions = {
  filesMax: 10,
  signal: new AbortController().signal,
  onUnreadable: (path) => assert.fail(path),
  onMount: (path) => assert.fail(path),
}

test('a missing file is skipped, but not if its drive is gone with all files', async (t) => {
  const folder = join(await temporaryFolder(t), 'drive')
  await mkdir(folder)
  for (const name of ['a.jpg', 'b.jpg']) await writeFile(join(folder, name), name)
  const found: FoundFile[] = []
  for await (const file of scanFolder(folder, scanOptions)) found.push(file)
  const a = found.find(({ path }) => path === 'a.jpg')!
  assert.equal((await readUnchanged(folder, a, 100))?.toString(), 'a.jpg')

  await rename(folder, `${folder}-away`)
  await assert.rejects(readUnchanged(folder, a, 100), { code: 'source_unreachable' })
  await mkdir(folder)
  await assert.rejects(readUnchanged(folder, a, 100), { code: 'source_unreachable' })
  await mkdir(join(folder, 'lost+found'))
  await writeFile(join(folder, '.not-mounted'), 'what a scan ignores is no sign of a drive')
  await assert.rejects(readUnchanged(folder, a, 100), { code: 'source_unreachable' })
  await rm(folder, { recursive: true })
  await rename(`${folder}-away`, folder)
  await rm(join(folder, 'a.jpg'))
  assert.equal(await readUnchanged(folder, a, 100), undefined)
})

test('whatever the reason, a file that cannot be read is left to a later job if the whole drive cannot be', async (t) => {
  const folder = join(await temporaryFolder(t), 'drive')
  await mkdir(folder)
  await writeFile(join(folder, 'a.jpg'), 'a.jpg')
  // like EIO of a network drive, an error that does not say that the file is gone
  const unreadable = { path: 'b'.repeat(300), stamp: '1:1' }
  await assert.rejects(readUnchanged(folder, unreadable, 100), { code: 'source_unreadable' })
  await rm(join(folder, 'a.jpg'))
  await assert.rejects(readUnchanged(folder, unreadable, 100), { code: 'source_unreachable' })
})

/** The paths found by a scan during which something happens, each time it has found another file. */
async function foundWhile(folder: string, ...happens: (() => Promise<void>)[]): Promise<string[]> {
  const found: string[] = []
  for await (const { path } of scanFolder(folder, scanOptions)) await happens[found.push(path) - 1]?.()
  return found
}

test('a drive that goes away during a scan ends it: files not seen any more would count as removed', async (t) => {
  const folder = join(await temporaryFolder(t), 'drive')
  await mkdir(folder)
  for (const name of ['a.jpg', 'b.jpg', 'c.jpg']) await writeFile(join(folder, name), name)
  const unmounted = foundWhile(folder, async () => {
    await rename(folder, `${folder}-away`)
    await mkdir(folder)
    await writeFile(join(folder, 'd.jpg'), 'what a mount point may hold')
  })
  await assert.rejects(unmounted, { code: 'source_unreadable' })
})

test('so does a drive that is back before its end', async (t) => {
  const parent = await temporaryFolder(t)
  const [folder, away, mountPoint] = [join(parent, 'drive'), join(parent, 'away'), join(parent, 'mount-point')]
  for (const name of ['x', 'y']) await mkdir(join(folder, name), { recursive: true })
  // folders wait on a stack; the mount point has the one that is read last
  const [last] = await readdir(folder)
  await mkdir(join(mountPoint, last!), { recursive: true })
  for (const place of [folder, join(folder, 'x'), join(folder, 'y'), join(mountPoint, last!)])
    await writeFile(join(place, 'a.jpg'), 'a file')
  const remounted = foundWhile(
    folder,
    async () => {
      await rename(folder, away)
      await rename(mountPoint, folder)
    },
    async () => {
      await rename(folder, mountPoint)
      await rename(away, folder)
    },
  )
  await assert.rejects(remounted, { code: 'source_unreadable' })
})

test('a drive mounted below the folder that goes away during a scan has not been examined', async (t) => {
  const mounted: (() => Promise<void>)[] = []
  t.after(() => Promise.all(mounted.map((unmount) => unmount().catch(() => {})))) // before the folder is removed
  const folder = await temporaryFolder(t)
  for (const name of ['stays', 'goes']) {
    await mkdir(join(folder, name))
    const unmount = await mountDisk(join(folder, name), 2 ** 20)
    if (unmount === undefined) return t.skip('this user may not mount a disk')
    mounted.push(unmount)
    await mkdir(join(folder, name, 'x'))
    for (const file of ['a.jpg', 'x/b.jpg']) await writeFile(join(folder, name, file), file)
  }
  const [found, closed, mounts]: string[][] = [[], [], []]
  const options = {
    ...scanOptions,
    onUnreadable: (path: string) => closed!.push(path),
    onMount: (path: string) => mounts!.push(path),
  }
  for await (const { path } of scanFolder(folder, options)) {
    found!.push(path)
    if (path === 'goes/a.jpg') await mounted.pop()!()
  }
  assert.deepEqual(found!.sort(), ['goes/a.jpg', 'stays/a.jpg', 'stays/x/b.jpg'])
  assert.deepEqual([closed, mounts!.sort()], [['goes'], ['goes', 'stays']])
})

test('nor has one that is back before the scan has ended', async (t) => {
  let unmount: (() => Promise<void>) | undefined
  t.after(() => unmount?.()) // before the folder is removed
  const folder = await temporaryFolder(t)
  for (const name of ['x', 'y']) await mkdir(join(folder, name, 'drive'), { recursive: true })
  const [later, first] = (await readdir(folder)) as [string, string] // the last is scanned first
  unmount = await mountDisk(join(folder, first, 'drive'), 2 ** 20)
  if (unmount === undefined) return t.skip('this user may not mount a disk')
  await mkdir(join(folder, first, 'drive', 'z'))
  for (const path of [`${first}/drive/a.jpg`, `${first}/drive/z/b.jpg`, `${later}/c.jpg`])
    await writeFile(join(folder, path), path)
  const [found, closed]: string[][] = [[], []]
  const options = { ...scanOptions, onUnreadable: (path: string) => closed!.push(path), onMount() {} }
  for await (const { path } of scanFolder(folder, options)) {
    found!.push(path)
    if (path.endsWith('a.jpg')) await rename(join(folder, first), `${folder}-away`)
    if (path.endsWith('c.jpg')) await rename(`${folder}-away`, join(folder, first))
  }
  assert.deepEqual([found, closed], [[`${first}/drive/a.jpg`, `${later}/c.jpg`], [`${first}/drive`]])
})

test('a file or folder that is removed during a scan does not end it', async (t) => {
  const folder = await temporaryFolder(t)
  for (const name of ['x', 'y']) await mkdir(join(folder, name))
  for (const name of ['a.jpg', 'b.jpg', 'x/c.jpg']) await writeFile(join(folder, name), name)
  const found = await foundWhile(folder, async () => {
    for (const name of ['a.jpg', 'b.jpg', 'x', 'y']) await rm(join(folder, name), { recursive: true })
    await writeFile(join(folder, 'y'), 'a file in the place of a folder')
  })
  assert.equal(found.length, 1)
})

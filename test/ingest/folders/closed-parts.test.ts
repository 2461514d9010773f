import assert from 'node:assert/strict'
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ClosedParts } from '../../../src/ingest/folders/closed-parts.js'
import { FolderWatch, type FolderWatchOptions } from '../../../src/ingest/folders/folder-watch.js'
import { mountDisk } from '../../support/full-disk.js'
import { asOrdinaryUser } from '../../support/ordinary-user.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { until } from '../../support/until.js'

interface Watching {
  folder: string
  dataDir: string
  /** Of each job. */
  changes: string[][]
  /** Paths of each line of the log about parts of the folder. */
  told: string[][]
  /** Waits for further scans and returns their last outcome. */
  scans(): Promise<string>
  close(): Promise<void>
}

/** A watch whose jobs take everything at once. */
async function watching(
  t: TestContext,
  { removes = true, folder, dataDir }: { removes?: boolean; folder?: string; dataDir?: string } = {},
): Promise<Watching> {
  const [there, data] = [folder ?? (await temporaryFolder(t)), dataDir ?? (await temporaryFolder(t))]
  const [changes, told, outcomes]: [string[][], string[][], string[]] = [[], [], []]
  const watch = new FolderWatch({
    watched: { gallery: 'g', folder: there },
    dataDir: data,
    ingest: {
      accept: async ({ content }: { content: { changes: { path: string; gone?: true }[] } }) =>
        void changes.push(content.changes.map(({ path, gone }) => (gone ? `${path} is gone` : path)).sort()),
    },
    jobs: {
      report: async () => ({ job: { id: 'j', state: 'succeeded', failed: 0, skipped: 0, finishedAt: 'now' } }),
      store: { errors: async () => [] },
    },
    galleries: { sets: { serving: async () => ({ galleryUid: 'uid' }) } },
    everyMs: 10,
    settleMs: 0,
    removes,
    filesMax: 100,
    onScan: (outcome: string) => void outcomes.push(outcome),
    logger: {
      info() {},
      warn: ({ first }: { first?: { path: string }[] }) => told.push(first?.map(({ path }) => path) ?? ['the folder']),
    },
  } as unknown as FolderWatchOptions)
  t.after(() => watch.close())
  return {
    folder: there,
    dataDir: data,
    changes,
    told,
    async scans() {
      const before = outcomes.length
      await until(() => outcomes.length > before + 2, 'further scans')
      return outcomes.at(-1)!
    },
    close: () => watch.close(),
  }
}

async function filled(folder: string, ...paths: string[]): Promise<string> {
  for (const path of paths) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), path)
  }
  return folder
}

for (const [mode, what] of [
  [0o000, 'cannot be read'],
  [0o444, 'cannot be entered'],
] as const)
  test(`while a subfolder ${what}, everything else is taken in, and what is in it stays`, {
    skip: process.platform === 'win32' && 'it has no such modes',
  }, async (t) => {
    const folder = await filled(await temporaryFolder(t), 'a.jpg', 'closed/b.jpg', 'closed/x/c.jpg', 'open/d.jpg')
    const dataDir = await temporaryFolder(t)
    await asOrdinaryUser(t, folder, dataDir)
    const { changes, told, scans } = await watching(t, { folder, dataDir })
    await until(() => changes.length === 1)
    assert.equal(await scans(), 'done')

    await chmod(join(folder, 'closed'), mode)
    await rm(join(folder, 'open', 'd.jpg'))
    await filled(folder, 'e.jpg')
    await until(() => changes.flat().length === 6)
    assert.equal(await scans(), 'incomplete')
    assert.deepEqual(changes.slice(1).flat().sort(), ['e.jpg', 'open/d.jpg is gone'])
    // a scan under way at the `chmod` may have told of what is below it
    assert.equal(told.filter((parts) => parts.includes('closed')).length, 1, 'once')

    await chmod(join(folder, 'closed'), 0o755)
    await rm(join(folder, 'closed', 'b.jpg'))
    await until(() => changes.flat().includes('closed/b.jpg is gone'))
    assert.equal(await scans(), 'done')
    assert.deepEqual(changes.at(-1), ['closed/b.jpg is gone'])
  })

test('where nothing is removed, a subfolder that can be read again is not taken in again', {
  skip: process.platform === 'win32' && 'it has no such modes',
}, async (t) => {
  const folder = await filled(await temporaryFolder(t), 'a.jpg', 'closed/b.jpg')
  const dataDir = await temporaryFolder(t)
  await asOrdinaryUser(t, folder, dataDir)
  const { changes, scans } = await watching(t, { folder, dataDir, removes: false })
  await until(() => changes.length === 1)
  await chmod(join(folder, 'closed'), 0)
  await scans()
  await chmod(join(folder, 'closed'), 0o755)
  assert.equal(await scans(), 'done')
  assert.equal(changes.length, 1)
})

test('a drive mounted below the folder that goes away takes none of its pictures with it', async (t) => {
  const mounted: (() => Promise<void>)[] = []
  t.after(() => Promise.all(mounted.map((unmount) => unmount().catch(() => {})))) // before the folder is removed
  const folder = await filled(await temporaryFolder(t), 'a.jpg', 'drives/one/hidden/.keep', 'drives/two/.keep')
  const [one, two] = [join(folder, 'drives', 'one'), join(folder, 'drives', 'two')]
  const disk = async (at: string) => {
    const unmount = await mountDisk(at, 2 ** 20)
    if (unmount !== undefined) mounted.push(unmount)
    return unmount
  }
  const unmount = await disk(one)
  if (unmount === undefined) return t.skip('this user may not mount a disk')
  await disk(two)
  await filled(one, 'b.jpg', 'x/c.jpg')
  const first = await watching(t, { folder })
  await until(() => first.changes.length === 1)
  assert.equal(await first.scans(), 'done', 'an empty drive is none that is missing')

  await unmount()
  await filled(folder, 'd.jpg')
  await rm(join(folder, 'a.jpg'))
  await until(() => first.changes.flat().length === 5)
  assert.equal(await first.scans(), 'incomplete')
  assert.deepEqual(first.changes.slice(1).flat().sort(), ['a.jpg is gone', 'd.jpg'])
  assert.deepEqual(first.told, [['drives/one']])
  await first.close()

  // neither after a restart, nor if its mount point is gone, nor if the drive that is back is empty
  const { changes, scans, told } = await watching(t, first)
  assert.equal(await scans(), 'incomplete')
  await rename(one, `${folder}-one`)
  t.after(() => rm(`${folder}-one`, { recursive: true }))
  assert.equal(await scans(), 'incomplete')
  await mkdir(one)
  await disk(one)
  assert.equal(await scans(), 'incomplete')
  assert.deepEqual([changes, told], [[], [['drives/one']]])

  // once there is a file, others that are missing are gone
  await filled(one, 'x/e.jpg')
  await until(() => changes.flat().length === 3)
  assert.equal(await scans(), 'done')
  assert.deepEqual(changes.flat().sort(), [
    'drives/one/b.jpg is gone',
    'drives/one/x/c.jpg is gone',
    'drives/one/x/e.jpg',
  ])
})

test('of more drives than can be guarded, the same ones are at every scan', async () => {
  const mounts = Array.from({ length: 101 }, (_, n) => `drive-${n + 100}`)
  const parts = new ClosedParts([])
  for (const path of mounts.toReversed()) parts.addMount(path)
  assert.deepEqual(parts.mounts, mounts.slice(0, 100))
})

import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FolderMemory } from '../../../src/ingest/folders/folder-memory.js'
import { scanFolder } from '../../../src/ingest/folders/folder-scan.js'
import { FolderWatch, type FolderWatchOptions } from '../../../src/ingest/folders/folder-watch.js'
import { goneFiles, withoutNamesakes } from '../../../src/ingest/folders/gone-files.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { until } from '../../support/until.js'

test('files that are gone, without those whose id another file has', async () => {
  const paths = new Set(['a.jpg', 'sub/caf\u00e9.jpg', 'sub/b.jpg'])
  const { gone } = await goneFiles(
    ['a.jpg', 'sub/cafe\u0301.jpg', 'sub\\b.jpg', 'c.jpg', 'sub/c.jpg'],
    paths,
    new Set(),
  )
  assert.deepEqual(gone, ['sub/cafe\u0301.jpg', 'sub\\b.jpg', 'c.jpg', 'sub/c.jpg'])
  assert.deepEqual(await withoutNamesakes(gone, paths), ['c.jpg', 'sub/c.jpg'])
  assert.deepEqual(await withoutNamesakes([], paths), [])
})

test('what is in a part that was not examined is not gone', async () => {
  const closed = new Set(['a', 'b/c', 'd.jpg', 'empty'])
  const taken = ['a/1.jpg', 'a/x/2.jpg', 'ab/1.jpg', 'b/1.jpg', 'b/c/1.jpg', 'b/cd/1.jpg', 'd.jpg', 'c/1.jpg']
  const { gone, keeping } = await goneFiles(taken, new Set(['c/1.jpg']), closed)
  assert.deepEqual(gone, ['ab/1.jpg', 'b/1.jpg', 'b/cd/1.jpg'])
  assert.deepEqual([...keeping], ['a', 'b/c', 'd.jpg'])
})

test('requests get their turn while the files of a large folder are looked through', async () => {
  const taken = Array.from({ length: 5_000 }, (_, i) => `${i}.jpg`)
  let [turns, isOver] = [0, false]
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const { gone } = await goneFiles(taken, new Set(taken.slice(1)), new Set(['x']))
  const [afterGone] = [turns]
  await withoutNamesakes(gone, taken)
  isOver = true
  assert.deepEqual(gone, ['0.jpg'])
  assert.ok(afterGone >= 4 && turns - afterGone >= 4, `${afterGone} and ${turns - afterGone} turns`)
})

test('what was removed goes first, however many files wait: it makes room for them', async (t) => {
  const folder = await temporaryFolder(t)
  for (const name of ['a.jpg', 'b.jpg']) await writeFile(join(folder, name), name)
  const jobs: string[][] = []
  let finishedAt: string | null = null
  const watch = new FolderWatch({
    watched: { gallery: 'g', folder },
    dataDir: await temporaryFolder(t),
    ingest: {
      accept: async ({ content }: { content: { changes: { path: string; gone?: true }[] } }) =>
        void jobs.push(content.changes.map(({ path, gone }) => (gone ? `${path} is gone` : path)).sort()),
    },
    jobs: {
      report: async () => ({ job: { id: 'j', state: 'succeeded', failed: 0, skipped: 0, finishedAt } }),
      store: { errors: async () => [] },
    },
    galleries: { sets: { serving: async () => ({ galleryUid: 'uid' }) } },
    everyMs: 10,
    settleMs: 0,
    removes: true,
    filesMax: 2,
    onScan() {},
    logger: { info() {}, warn() {} },
  } as unknown as FolderWatchOptions)
  t.after(() => watch.close())
  await until(() => jobs.length === 1)
  await rename(join(folder, 'a.jpg'), join(folder, 'c.jpg'))
  await rename(join(folder, 'b.jpg'), join(folder, 'd.jpg'))
  finishedAt = 'now'
  await until(() => jobs.length === 3)
  assert.deepEqual(jobs, [
    ['a.jpg', 'b.jpg'],
    ['a.jpg is gone', 'b.jpg is gone'],
    ['c.jpg', 'd.jpg'],
  ])
})

test('a file that is missing for a moment, while it is saved anew, is not removed', async (t) => {
  const [folder, dataDir] = [await temporaryFolder(t), await temporaryFolder(t)]
  for (const name of ['a.jpg', 'b.jpg']) await writeFile(join(folder, name), name)
  const memory = await FolderMemory.open(dataDir, { gallery: 'g', folder }, 'uid')
  const options = { filesMax: 10, signal: new AbortController().signal, onUnreadable() {}, onMount() {} }
  const stamps: [string, string][] = []
  for await (const { path, stamp } of scanFolder(folder, options)) stamps.push([path, stamp])
  await memory.expect('j', stamps)
  await memory.settle({ taken: () => true, removed: [] })

  const [jobs, scans]: string[][] = [[], []]
  const watch = new FolderWatch({
    watched: { gallery: 'g', folder },
    dataDir,
    ingest: { accept: async () => void jobs!.push('a job') },
    jobs: {
      report: async () => ({ job: { id: 'j', state: 'succeeded', failed: 0, skipped: 0, finishedAt: 'now' } }),
      store: { errors: async () => [] },
    },
    galleries: { sets: { serving: async () => ({ galleryUid: 'uid' }) } },
    everyMs: 10,
    settleMs: 3_600_000,
    removes: true,
    filesMax: 10,
    onScan: (outcome: string) => void scans!.push(outcome),
    logger: { info() {}, warn() {} },
  } as unknown as FolderWatchOptions)
  t.after(() => watch.close())
  await until(() => scans!.length > 1)
  await rename(join(folder, 'a.jpg'), join(folder, '.a.jpg'))
  await until(() => watch.reading.waiting === 1 || jobs!.length > 0, 'that it is missed')
  await rename(join(folder, '.a.jpg'), join(folder, 'a.jpg'))
  await until(() => watch.reading.waiting === 0, 'that it is found')
  assert.deepEqual(jobs, [])
})

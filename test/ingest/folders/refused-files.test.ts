import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isReadable } from '../../../src/ingest/folders/file-in-place.js'
import { readUnchanged } from '../../../src/ingest/folders/folder-scan.js'
import { FolderWatch, type FolderWatchOptions } from '../../../src/ingest/folders/folder-watch.js'
import { RefusedFiles, refusedBy } from '../../../src/ingest/folders/refused-files.js'
import { ItemOutcomes } from '../../../src/ingest/item-outcomes.js'
import type { IntakeParts } from '../../../src/ingest/new-image.js'
import { asOrdinaryUser } from '../../support/ordinary-user.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { until } from '../../support/until.js'

/** A watch of a folder with a file that no job takes, for this reason. @returns what each job was given, and outcomes of scans */
async function refusing(t: TestContext, code: string) {
  const folder = await temporaryFolder(t)
  for (const name of ['read.jpg', 'locked.jpg']) await writeFile(join(folder, name), name)
  const dataDir = await temporaryFolder(t)
  await asOrdinaryUser(t, folder, dataDir)
  const [jobs, scans]: [string[][], string[]] = [[], []]
  const gallery = { galleryUid: 'uid' }
  const watch = new FolderWatch({
    watched: { gallery: 'g', folder },
    dataDir,
    ingest: {
      accept: async ({ content }: { content: { changes: { path: string }[] } }) =>
        void jobs.push(content.changes.map(({ path }) => path).sort()),
    },
    jobs: {
      report: async () => ({
        job: { id: 'j', state: 'completed_with_errors', failed: 1, skipped: 0, finishedAt: 'now' },
      }),
      store: {
        errors: async (_id: string, { fromItem = 0 }) =>
          fromItem > 1 ? [] : [{ item: 1, name: 'locked.jpg', code, detail: 'EBUSY' }],
      },
    },
    galleries: { sets: { serving: async () => ({ ...gallery }) }, images: { room: async () => 0 } },
    everyMs: 10,
    settleMs: 0,
    removes: false,
    filesMax: 10,
    onScan: (outcome: string) => void scans.push(outcome),
    logger: { info() {}, warn() {} },
  } as unknown as FolderWatchOptions)
  t.after(() => watch.close())
  const furtherScans = async () => {
    const before = scans.length
    await until(() => scans.length > before + 4, 'further scans')
  }
  await until(() => jobs.length === 1)
  await furtherScans()
  assert.deepEqual(jobs, [['locked.jpg', 'read.jpg']], 'it is left alone for a while')
  return { locked: join(folder, 'locked.jpg'), jobs, gallery, furtherScans }
}

for (const code of ['source_unreadable', 'gallery_full'])
  test(`a file that could not be taken (${code}) is tried again once it has changed in any way`, async (t) => {
    const { locked, jobs } = await refusing(t, code)
    await chmod(locked, 0o640)
    await until(() => jobs.length === 2)
    assert.deepEqual(jobs[1], ['locked.jpg'])
  })

test('a file that stays closed makes no further job until it can be opened', {
  skip: process.platform === 'win32' && 'it has no such modes',
}, async (t) => {
  const { locked, jobs, furtherScans } = await refusing(t, 'source_unreadable')
  await chmod(locked, 0)
  await until(() => jobs.length === 2, 'that its change is tried')
  let laterMs = 0
  const now = performance.now.bind(performance)
  t.mock.method(performance, 'now', () => now() + laterMs)
  for (const minutes of [1, 2, 4]) {
    laterMs += minutes * 60_000
    await furtherScans()
  }
  assert.equal(jobs.length, 2)
})

test('a file that an earlier gallery of the same name did not take is tried for the next one', async (t) => {
  const { jobs, gallery } = await refusing(t, 'source_unreadable')
  gallery.galleryUid = 'next'
  await until(() => jobs.length === 2)
  assert.deepEqual(jobs[1], ['locked.jpg', 'read.jpg'])
})

test('a file that was gone when its turn came is not taken, though its job did not fail', async (t) => {
  const folder = await temporaryFolder(t)
  const outcomes = new ItemOutcomes('g', { parts: {} as IntakeParts, signal: new AbortController().signal })
  const item = { index: 0, name: 'a.jpg', id: 'a.jpg', size: 1 }
  const change = { path: 'a.jpg', stamp: '1:1', bytes: 1 }
  await writeFile(join(folder, 'other.jpg'), 'other')
  const outcome = await outcomes.of({ ...item, read: () => readUnchanged(folder, change, 10) })
  assert.ok('note' in outcome && outcome.note !== undefined)
  const lines = [outcome.note]
  const store = { errors: async (_id: string, { fromItem = 0 } = {}) => (fromItem > 0 ? [] : lines) }
  const paths = ['a.jpg', 'other.jpg']
  assert.deepEqual(
    [...(await refusedBy({ id: 'j', failed: 0, skipped: 1 }, paths, { watched: {}, store }))],
    [['a.jpg', 'source_unreadable']],
  )
})

test('an unread file that does not change is opened again at growing intervals, and rests until that succeeds', async () => {
  let isOpen = false
  const opened: string[] = []
  const refused = new RefusedFiles(async (path) => {
    opened.push(path)
    return isOpen
  })
  const file = { path: 'a.jpg', touched: '1' }
  const minute = 60_000
  assert.equal(await refused.rests(file, 0), false)
  refused.note(file, 'source_unreadable', 0)
  let now = 0
  for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
    const before = opened.length
    now += minutes * minute
    assert.equal(await refused.rests(file, now - 1), true)
    assert.equal(opened.length, before, 'it is left alone')
    assert.equal(await refused.rests(file, now), true)
    assert.equal(opened.length, before + 1)
  }
  assert.equal(await refused.rests({ ...file, touched: '2' }, now), false)
  isOpen = true
  now += 60 * minute
  assert.deepEqual([await refused.rests(file, now - 1), await refused.rests(file, now)], [true, false])
  isOpen = false
  refused.note(file, 'source_unreadable', now)
  assert.equal(await refused.rests(file, now + 60 * minute - 1), true, 'a job could not read it either')
  refused.keep(new Set())
  assert.equal(await refused.rests(file, now), false)
  refused.note(file, 'source_unreadable', now)
  isOpen = true
  assert.equal(await refused.rests(file, now + minute), false, 'it starts over once it was gone')
})

test('only a file whose beginning can be read is readable', async (t) => {
  const folder = await temporaryFolder(t)
  for (const name of ['a.jpg', 'empty.jpg']) await writeFile(join(folder, name), name === 'a.jpg' ? name : '')
  assert.deepEqual(
    await Promise.all(['a.jpg', 'empty.jpg', 'gone.jpg', 'b'.repeat(300)].map((path) => isReadable(folder, path))),
    [true, true, false, false],
  )
})

test('a file that a job took neither rests nor waits for room', async () => {
  const refused = new RefusedFiles(async () => true)
  const file = { path: 'a.jpg', touched: '1' }
  const state = async () => [await refused.rests(file, 0), refused.waitsForRoom(file)]
  for (const [code, expected] of [
    ['source_unreadable', [true, false]],
    ['gallery_full', [false, true]],
    [undefined, [false, false]],
    ['source_unreadable', [true, false]],
    ['image_unreadable', [false, false]],
  ] as const) {
    refused.note(file, code, 0)
    assert.deepEqual(await state(), expected, code)
  }
})

import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readUnchanged } from '../../../src/ingest/folders/folder-scan.js'
import { FolderWatch, type FolderWatchOptions } from '../../../src/ingest/folders/folder-watch.js'
import { RefusedFiles, refusedBy } from '../../../src/ingest/folders/refused-files.js'
import { ItemOutcomes } from '../../../src/ingest/item-outcomes.js'
import type { IntakeParts } from '../../../src/ingest/new-image.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { until } from '../../support/until.js'

for (const code of ['source_unreadable', 'gallery_full'])
  test(`a file that could not be taken (${code}) is tried again once it has changed in any way`, async (t) => {
    const folder = await temporaryFolder(t)
    for (const name of ['read.jpg', 'locked.jpg']) await writeFile(join(folder, name), name)
    const [jobs, scans]: [string[][], string[]] = [[], []]
    const watch = new FolderWatch({
      watched: { gallery: 'g', folder },
      dataDir: await temporaryFolder(t),
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
      galleries: { sets: { serving: async () => ({ galleryUid: 'uid' }) }, images: { room: async () => 0 } },
      everyMs: 10,
      settleMs: 0,
      removes: false,
      filesMax: 10,
      onScan: (outcome: string) => void scans.push(outcome),
      logger: { info() {}, warn() {} },
    } as unknown as FolderWatchOptions)
    t.after(() => watch.close())
    await until(() => scans.length > 5)
    assert.deepEqual(jobs, [['locked.jpg', 'read.jpg']], 'it is left alone for a while')
    await chmod(join(folder, 'locked.jpg'), 0o640)
    await until(() => jobs.length === 2)
    assert.deepEqual(jobs[1], ['locked.jpg'])
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

test('an unread file that does not change is tried again at growing intervals', () => {
  const refused = new RefusedFiles()
  const file = { path: 'a.jpg', touched: '1' }
  const minute = 60_000
  assert.equal(refused.rests(file, 0), false)
  let now = 0
  for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
    refused.note(file, 'source_unreadable', now)
    assert.deepEqual(
      [refused.rests(file, now + minutes * minute - 1), refused.rests(file, now + minutes * minute)],
      [true, false],
    )
    now += minutes * minute
  }
  refused.note(file, 'source_unreadable', now)
  assert.equal(refused.rests({ ...file, touched: '2' }, now), false)
  refused.keep(new Set())
  refused.note(file, 'source_unreadable', now)
  assert.equal(refused.rests(file, now + minute), false, 'it starts over once it was gone')
})

test('a file that a job took neither rests nor waits for room', () => {
  const refused = new RefusedFiles()
  const file = { path: 'a.jpg', touched: '1' }
  const state = () => [refused.rests(file, 0), refused.waitsForRoom(file)]
  for (const [code, expected] of [
    ['source_unreadable', [true, false]],
    ['gallery_full', [false, true]],
    [undefined, [false, false]],
    ['source_unreadable', [true, false]],
    ['image_unreadable', [false, false]],
  ] as const) {
    refused.note(file, code, 0)
    assert.deepEqual(state(), expected, code)
  }
})

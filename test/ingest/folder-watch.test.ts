import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import { FolderMemory } from '../../src/ingest/folders/folder-memory.js'
import { FolderWatch, type FolderWatchOptions } from '../../src/ingest/folders/folder-watch.js'
import { watchedFolders } from '../../src/ingest/folders/watched-folders.js'
import { openFolderFiles } from '../../src/ingest/sources/folder-files.js'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { errorsOf } from '../support/jobs.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/watched'

async function watching(t: TestContext, folder: string, overrides: Parameters<typeof startApp>[1] = {}) {
  const app = await startApp(t, {
    watchFolders: `watched=${folder}`,
    watchEverySeconds: 0.1,
    watchSettleSeconds: 0.05,
    ...overrides,
  })
  await app.call(200, { method: 'GET', url: '/v1/jobs' })
  return app
}

async function stored(app: TestApp): Promise<[string, string | null][]> {
  const { images } = await app.call(200, { method: 'GET', url: `${gallery}/images?limit=1000` })
  return images.map(({ id, label }): [string, string | null] => [id, label]).sort()
}

const untilStored = (app: TestApp, expected: string[]) =>
  until(
    async () => {
      const ids = (await stored(app)).map(([id]) => id)
      return JSON.stringify(ids) === JSON.stringify(expected)
    },
    `that ${expected.join(', ')} are stored`,
  )

/** Waits until jobs have ended and nothing in the folder is pending. */
async function settledJobs(app: TestApp) {
  return until(async () => {
    const metrics = (await app.app.inject('/metrics')).body
    const { jobs } = await app.call(200, { method: 'GET', url: '/v1/jobs' })
    return /alike_watched_folder_changes\{gallery="watched",prefix=""\} 0/.test(metrics) &&
      jobs.every(({ finishedAt }) => finishedAt !== null)
      ? jobs
      : undefined
  }, 'rest in the folder')
}

test('new and changed files are taken in once they have settled; links, litter and files that are not pictures are not', async (t) => {
  const folder = await temporaryFolder(t)
  const outside = await temporaryFolder(t)
  await writeFile(join(outside, 'secret.jpg'), await drawImage('square', 9))
  await mkdir(join(folder, 'cycling'))
  await mkdir(join(folder, '.git'))
  await writeFile(join(folder, 'cycling', 'a.jpg'), await drawImage('circle', 1))
  await writeFile(join(folder, '.git', 'b.jpg'), await drawImage('circle', 2))
  await writeFile(join(folder, 'notes.txt'), 'no picture, and a sidecar')
  await writeFile(join(folder, 'film.mp4'), 'no picture')
  await symlink(join(outside, 'secret.jpg'), join(folder, 'linked.jpg'))
  await symlink(outside, join(folder, 'linked'))

  const app = await watching(t, folder)
  await until(() => app.log.some(({ msg }) => /watched folder could not be ingested/.test(String(msg))), 'a warning')
  await app.call(201, { method: 'PUT', url: gallery })
  await untilStored(app, ['cycling/a.jpg'])
  assert.deepEqual(await stored(app), [['cycling/a.jpg', 'cycling']])
  const [first, ...others] = await settledJobs(app)
  assert.deepEqual(
    [first?.kind, first?.total, first?.added, first?.failed, others.length],
    ['ingest', 2, 1, 1, 0],
    'the film is not retried over and over',
  )
  assert.deepEqual(
    (await errorsOf(app, first!)).map(({ name, code }) => [name, code]),
    [['film.mp4', 'image_unreadable']],
  )

  const before = await app.call(200, { method: 'GET', url: `${gallery}/images/cycling%2Fa.jpg` })
  await writeFile(join(folder, 'cycling', 'a.jpg'), await drawImage('cross', 3))
  await writeFile(join(folder, 'c.jpg'), await drawImage('stripes', 4))
  await untilStored(app, ['c.jpg', 'cycling/a.jpg'])
  await until(async () => {
    const now = await app.call<{ contentHash: string }>(200, {
      method: 'GET',
      url: `${gallery}/images/cycling%2Fa.jpg`,
    })
    return now.contentHash !== (before as unknown as { contentHash: string }).contentHash
  }, 'the changed picture')

  await rm(join(folder, 'c.jpg'))
  await settledJobs(app)
  assert.equal((await stored(app)).length, 2, 'what is removed from the folder is kept')
})

test('a file being written is not read until it has settled', async (t) => {
  const folder = await temporaryFolder(t)
  const picture = await drawImage('circle', 1)
  const app = await watching(t, folder, { watchSettleSeconds: 0.4 })
  await app.call(201, { method: 'PUT', url: gallery })
  const path = join(folder, 'slow.jpg')
  await writeFile(path, picture.subarray(0, 100))
  for (let at = 100; at < picture.length; at += 100) {
    await until(async () =>
      /folder_changes\{gallery="watched",prefix=""\} 1/.test((await app.app.inject('/metrics')).body),
    )
    await appendFile(path, picture.subarray(at, at + 100))
  }
  await untilStored(app, ['slow.jpg'])
  const jobs = await settledJobs(app)
  assert.deepEqual(
    jobs.map(({ total, failed }) => [total, failed]),
    [[1, 0]],
  )
})

test('removed files are removed if configured, but never all of them at once because a drive is gone', async (t) => {
  const folder = join(await temporaryFolder(t), 'drive')
  await mkdir(join(folder, 'x'), { recursive: true })
  // as unpacked from a zip of Windows, and moved by hand
  for (const name of ['a', 'b', 'c', 'x/e', 'x\\e'])
    await writeFile(join(folder, `${name}.jpg`), await drawImage('circle', name.charCodeAt(0)))
  const app = await watching(t, folder, { watchRemovals: 'remove' })
  await app.call(201, { method: 'PUT', url: gallery })
  await untilStored(app, ['a.jpg', 'b.jpg', 'c.jpg', 'x/e.jpg'])
  await rm(join(folder, 'x\\e.jpg'))
  await rm(join(folder, 'b.jpg'))
  await untilStored(app, ['a.jpg', 'c.jpg', 'x/e.jpg'])
  await settledJobs(app)

  const scansFailed = async () =>
    Number(
      /scans_total\{gallery="watched",prefix="",outcome="failed"\} (\d+)/.exec(
        (await app.app.inject('/metrics')).body,
      )?.[1] ?? 0,
    )
  const oneMore = async () => {
    const before = await scansFailed()
    await until(async () => (await scansFailed()) > before, 'a scan that fails')
  }
  await rename(folder, `${folder}-away`)
  await oneMore()
  await mkdir(folder)
  await oneMore()
  assert.deepEqual(
    (await stored(app)).map(([id]) => id),
    ['a.jpg', 'c.jpg', 'x/e.jpg'],
  )
  await rm(folder, { recursive: true })
  await rename(`${folder}-away`, folder)
  await rename(join(folder, 'c.jpg'), join(folder, 'd.jpg'))
  await untilStored(app, ['a.jpg', 'd.jpg', 'x/e.jpg'])
})

test('a folder and one below it fill galleries of their own', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'x'))
  for (const [at, name] of ['a', 'x/b', 'x/c'].entries())
    await writeFile(join(folder, `${name}.jpg`), await drawImage('circle', at))
  const watchFolders = `watched=${folder}, below=${join(folder, 'x')}`
  const app = await watching(t, folder, { watchFolders, watchRemovals: 'remove' })
  for (const name of ['watched', 'below']) await app.call(201, { method: 'PUT', url: `/v1/galleries/${name}` })
  const below = async () => {
    const { images } = await app.call(200, { method: 'GET', url: '/v1/galleries/below/images' })
    return images
      .map(({ id }) => id)
      .sort()
      .join()
  }
  await untilStored(app, ['a.jpg', 'x/b.jpg', 'x/c.jpg'])
  await until(async () => (await below()) === 'b.jpg,c.jpg', 'that both are stored')
  await rm(join(folder, 'x', 'b.jpg'))
  await untilStored(app, ['a.jpg', 'x/c.jpg'])
  await until(async () => (await below()) === 'c.jpg', 'that one is removed')
})

test('two drives fill one gallery under prefixes of their own, each of which loses only its own pictures', async (t) => {
  const [drives, dataDir] = [await temporaryFolder(t), await temporaryFolder(t)]
  const modelDir = (await handmadeModel(t, { dimension: 24 })).folder
  const [first, second] = [join(drives, 'first'), join(drives, 'second')]
  for (const drive of [first, second]) {
    await mkdir(join(drive, 'cats'), { recursive: true })
    for (const name of ['a', 'cats/b'])
      await writeFile(join(drive, `${name}.jpg`), await drawImage('circle', drive.length + name.length))
    await writeFile(join(drive, 'film.mp4'), 'no picture')
  }
  const settings = { dataDir, modelDir, watchRemovals: 'remove' } as const
  const watchFolders = `watched/nas1=${first}, watched/old/nas2=${second}`
  const app = await watching(t, first, { ...settings, watchFolders })
  await app.call(201, { method: 'PUT', url: gallery, payload: { originals: 'reference' } })
  await untilStored(app, ['nas1/a.jpg', 'nas1/cats/b.jpg', 'old/nas2/a.jpg', 'old/nas2/cats/b.jpg'])
  assert.deepEqual(
    (await stored(app)).map(([, label]) => label),
    [null, 'cats', null, 'cats'],
    'a prefix is no label',
  )
  const ended = async () => {
    const { jobs } = await app.call(200, { method: 'GET', url: '/v1/jobs' })
    return jobs.length === 2 && jobs.every(({ finishedAt }) => finishedAt !== null) && jobs
  }
  const lines = await Promise.all((await until(ended, 'a job for each')).map((job) => errorsOf(app, job)))
  assert.deepEqual(
    lines
      .flat()
      .map(({ name }) => name)
      .sort(),
    ['nas1/film.mp4', 'old/nas2/film.mp4'],
  )
  const metrics = (await app.app.inject('/metrics')).body
  for (const prefix of ['nas1', 'old/nas2'])
    assert.match(metrics, new RegExp(`watched_folder_files\\{gallery="watched",prefix="${prefix}"\\} 3`))
  const original = { method: 'GET', url: `${gallery}/images/old%2Fnas2%2Fa.jpg/original` } as const
  await app.call(200, original)

  await rm(join(first, 'a.jpg'))
  await rm(join(second, 'cats', 'b.jpg'))
  await untilStored(app, ['nas1/cats/b.jpg', 'old/nas2/a.jpg'])
  await app.close()

  // another prefix is another memory, and leaves the pictures of the former one alone
  const again = await watching(t, first, { ...settings, watchFolders: `watched/nas1=${first}, watched/nas2=${second}` })
  await untilStored(again, ['nas1/cats/b.jpg', 'nas2/a.jpg', 'old/nas2/a.jpg'])
  await rm(join(second, 'a.jpg'))
  await writeFile(join(second, 'c.jpg'), await drawImage('cross', 1))
  await untilStored(again, ['nas1/cats/b.jpg', 'nas2/c.jpg', 'old/nas2/a.jpg'])
})

test('a job that was accepted for another prefix does not go on under it', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(await temporaryFolder(t), 'changes')
  await writeFile(file, `${JSON.stringify({ path: 'a.jpg', stamp: '1:1', bytes: 1 })}\n`)
  const limits = { uploadMaxBytes: 1, ingestMaxBytes: 1, ingestMaxFiles: 1 }
  const opened = (watchFolders: string, of: { prefix?: string }) =>
    openFolderFiles(file, { kind: 'folder', folder, ...of }, { limits, folders: watchedFolders(watchFolders, '/data') })
  for (const [watchFolders, of] of [
    [`a=${folder}`, {}],
    [`a/x=${folder}`, { prefix: 'x' }],
    [`b/y=${folder}, a/x=${folder}`, { prefix: 'x' }],
  ] as const)
    await (await opened(watchFolders, of)).close()
  for (const [watchFolders, of] of [
    [`a/x=${folder}`, {}],
    [`a=${folder}`, { prefix: 'x' }],
    [`a/y=${folder}`, { prefix: 'x' }],
  ] as const)
    await assert.rejects(async () => opened(watchFolders, of), { code: 'source_not_allowed' }, watchFolders)
})

test('a file that was never a picture takes none with it that was stored under its path otherwise', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await watching(t, folder, { watchRemovals: 'remove' })
  await app.call(201, { method: 'PUT', url: gallery })
  await writeFile(join(folder, 'was.jpg'), await drawImage('circle', 1))
  await writeFile(join(folder, 'never.jpg'), 'broken')
  const failures = (count: number) =>
    until(async () => {
      const jobs = await settledJobs(app)
      return jobs.reduce((sum, { failed }) => sum + failed, 0) === count
    }, `${count} failures`)
  await failures(1)
  await writeFile(join(folder, 'was.jpg'), 'broken by now')
  await writeFile(join(folder, 'never.jpg'), 'still broken')
  await failures(3)
  const url = `${gallery}/images/never.jpg`
  const headers = { 'content-type': 'image/jpeg' }
  await app.call(201, { method: 'PUT', url, headers, payload: await drawImage('cross', 2) })
  await writeFile(join(folder, 'other.jpg'), await drawImage('circle', 3))
  await untilStored(app, ['never.jpg', 'other.jpg', 'was.jpg'])
  for (const name of ['never', 'was']) await rm(join(folder, `${name}.jpg`))
  await until(async () => (await stored(app)).length < 3, 'a removal')
  await settledJobs(app)
  assert.deepEqual(
    (await stored(app)).map(([id]) => id),
    ['never.jpg', 'other.jpg'],
  )
})

test('files for which the gallery has no room are reported once, and taken once there is some', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await watching(t, folder, { watchRemovals: 'remove' })
  await app.call(201, { method: 'PUT', url: gallery, payload: { maxImages: 1 } })
  await writeFile(join(folder, 'a.jpg'), await drawImage('circle', 1))
  await untilStored(app, ['a.jpg'])
  await writeFile(join(folder, 'b.jpg'), await drawImage('circle', 2))
  const jobs = async () => {
    const { jobs } = await app.call(200, { method: 'GET', url: '/v1/jobs' })
    return jobs.filter(({ finishedAt }) => finishedAt !== null)
  }
  const job = await until(async () => (await jobs()).find(({ failed }) => failed === 1), 'a job that finds no room')
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ name, code }) => [name, code]),
    [['b.jpg', 'gallery_full']],
  )
  await writeFile(join(folder, 'a.jpg'), await drawImage('circle', 3))
  await writeFile(join(folder, 'c.jpg'), await drawImage('circle', 4))
  await until(async () => (await jobs()).find(({ updated }) => updated === 1), 'the stored one is replaced')
  await until(async () => (await jobs()).reduce((sum, { failed }) => sum + failed, 0) === 2, 'that c.jpg finds no room')
  const before = (await jobs()).length
  const metrics = async () => (await app.app.inject('/metrics')).body
  await until(async () => /folder_changes\{gallery="watched",prefix=""\} 2/.test(await metrics()), 'two that wait')
  await rm(join(folder, 'a.jpg'))
  await until(async () => (await stored(app)).some(([id]) => id !== 'a.jpg'), 'one of those that wait')
  await app.call(200, { method: 'PATCH', url: gallery, payload: { maxImages: 5 } })
  await untilStored(app, ['b.jpg', 'c.jpg'])
  await settledJobs(app)
  const ended = (await jobs()).slice(0, -before)
  assert.deepEqual(
    [ended.length, ended.reduce((sum, { failed }) => sum + failed, 0)],
    [2, 0],
    'nothing was tried again before there was room',
  )
})

test('in a gallery with more pictures than its limit now allows, a removal makes no room', async (t) => {
  const folder = await temporaryFolder(t)
  for (const name of ['a', 'b']) await writeFile(join(folder, `${name}.jpg`), await drawImage('circle', 1))
  const app = await watching(t, folder, { watchRemovals: 'remove' })
  await app.call(201, { method: 'PUT', url: gallery })
  await untilStored(app, ['a.jpg', 'b.jpg'])
  await app.call(200, { method: 'PATCH', url: gallery, payload: { maxImages: 1 } })
  await writeFile(join(folder, 'c.jpg'), await drawImage('circle', 2))
  const ended = async () => {
    const { jobs } = await app.call(200, { method: 'GET', url: '/v1/jobs' })
    return jobs.filter(({ finishedAt }) => finishedAt !== null).map(({ removed, failed }) => [removed, failed])
  }
  await until(async () => (await ended()).length === 2, 'that c.jpg finds no room')
  await rm(join(folder, 'a.jpg'))
  await until(async () => (await ended()).length === 3, 'the removal')
  assert.deepEqual((await ended())[0], [1, 0])
})

test('a folder from which nothing is to be removed may be emptied, and what returns to it is not read again', async (t) => {
  const folder = join(await temporaryFolder(t), 'drive')
  await mkdir(folder)
  await writeFile(join(folder, 'a.jpg'), await drawImage('circle', 1))
  const app = await watching(t, folder)
  await app.call(201, { method: 'PUT', url: gallery })
  await untilStored(app, ['a.jpg'])
  await settledJobs(app)
  const scans = async (outcome: string) =>
    Number(
      new RegExp(`scans_total\\{gallery="watched",prefix="",outcome="${outcome}"\\} (\\d+)`).exec(
        (await app.app.inject('/metrics')).body,
      )?.[1] ?? 0,
    )
  const twoMore = async () => {
    const before = await scans('done')
    await until(async () => (await scans('done')) > before + 1, 'two scans')
  }
  const failed = await scans('failed')
  await rename(join(folder, 'a.jpg'), `${folder}-a.jpg`)
  await twoMore()
  await rename(`${folder}-a.jpg`, join(folder, 'a.jpg'))
  await twoMore()
  assert.equal(await scans('failed'), failed)
  assert.equal((await settledJobs(app)).length, 1)
})

test('a restart reads nothing again, finds what changed meanwhile, and starts over for a new gallery of the same name', async (t) => {
  const [folder, dataDir] = [await temporaryFolder(t), await temporaryFolder(t)]
  const modelDir = (await handmadeModel(t, { dimension: 24 })).folder
  const settings = { dataDir, modelDir, watchRemovals: 'remove' } as const
  for (const name of ['a', 'b'])
    await writeFile(join(folder, `${name}.jpg`), await drawImage('circle', name.charCodeAt(0)))
  const first = await watching(t, folder, settings)
  await first.call(201, { method: 'PUT', url: gallery })
  await untilStored(first, ['a.jpg', 'b.jpg'])
  assert.equal((await settledJobs(first)).length, 1)
  await first.close()

  await rm(join(folder, 'a.jpg'))
  await writeFile(join(folder, 'c.jpg'), await drawImage('cross', 3))
  const second = await watching(t, folder, settings)
  await untilStored(second, ['b.jpg', 'c.jpg'])
  const [last, ...former] = await settledJobs(second)
  assert.ok(former.length <= 2 && last !== undefined)
  assert.equal(
    [last, ...former].reduce((sum, { skipped }) => sum + skipped, 0),
    0,
    'nothing that was already there was ingested again',
  )

  await second.call(204, { method: 'DELETE', url: gallery })
  await second.call(201, { method: 'PUT', url: gallery })
  await untilStored(second, ['b.jpg', 'c.jpg'])
  assert.equal((await readdir(join(dataDir, 'folders'))).length, 1)
})

test('more changes than a job may have are made by several jobs', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'old'))
  for (const name of ['a', 'b']) await writeFile(join(folder, 'old', `${name}.jpg`), await drawImage('circle', 1))
  const app = await watching(t, folder, { watchRemovals: 'remove', ingestMaxFiles: 2, watchSettleSeconds: 0 })
  await app.call(201, { method: 'PUT', url: gallery })
  await untilStored(app, ['old/a.jpg', 'old/b.jpg'])
  await rename(join(folder, 'old'), join(folder, 'new'))
  await untilStored(app, ['new/a.jpg', 'new/b.jpg'])
})

test('while nothing can be stored, a folder is scanned and nothing is written', async (t) => {
  const [folder, dataDir] = [await temporaryFolder(t), await temporaryFolder(t)]
  await writeFile(join(folder, 'a.jpg'), await drawImage('circle', 1))
  const warned: unknown[] = []
  const watch = new FolderWatch({
    ...{ watched: { gallery: 'watched', folder }, dataDir, everyMs: 10, settleMs: 0, removes: false, filesMax: 10 },
    galleries: { readOnly: 'It is full.', sets: { serving: async () => ({ galleryUid: 'uid' }) } },
    onScan() {},
    logger: { info() {}, warn: ({ code }: { code?: unknown }) => warned.push(code) },
  } as unknown as FolderWatchOptions)
  t.after(() => watch.close())
  await until(() => warned.length > 0, 'a warning')
  assert.equal(warned[0], 'storage_full')
  assert.deepEqual(await readdir(dataDir), [])
})

test('nor is anything written once a job has ended meanwhile; what it took is known when there is room again', async (t) => {
  const [folder, dataDir] = [await temporaryFolder(t), await temporaryFolder(t)]
  await writeFile(join(folder, 'a.jpg'), await drawImage('circle', 1))
  const galleries: { readOnly?: string | undefined; sets: object } = {
    sets: { serving: async () => ({ galleryUid: 'uid' }) },
  }
  const warned: unknown[] = []
  const accepted: string[] = []
  const job = { state: 'succeeded', finishedAt: 'now', failed: 0, skipped: 0 }
  const watch = new FolderWatch({
    ...{ watched: { gallery: 'watched', folder }, dataDir, everyMs: 10, settleMs: 0, removes: false, filesMax: 10 },
    galleries,
    ingest: {
      async accept({ id }: { id: string }) {
        accepted.push(id)
        galleries.readOnly = 'It is full.'
      },
    },
    jobs: { report: async () => ({ job }) },
    onScan() {},
    logger: { info() {}, warn: ({ code }: { code?: unknown }) => warned.push(code) },
  } as unknown as FolderWatchOptions)
  t.after(() => watch.close())
  const memory = () => FolderMemory.open(dataDir, { gallery: 'watched', folder }, 'uid')
  await until(() => warned.length > 0, 'a warning')
  assert.equal(warned[0], 'storage_full')
  assert.equal((await memory()).jobId, accepted[0])
  galleries.readOnly = undefined
  await until(async () => (await memory()).jobId === null, 'that the memory is written')
  await until(() => watch.reading.waiting === 0, 'that the watch knows it')
  assert.deepEqual([accepted.length, watch.reading.taken], [1, 1])
})

test('what a job reported before it failed as a whole is not tried again with the rest of it', async (t) => {
  const [folder, dataDir] = [await temporaryFolder(t), await temporaryFolder(t)]
  for (const name of ['crash.jpg', 'locked.jpg', 'rest.jpg']) await writeFile(join(folder, name), name)
  const job = {
    id: 'j',
    state: 'failed',
    failure: { code: 'job_interrupted' },
    finishedAt: 'now',
    failed: 2,
    skipped: 0,
  }
  const lines = [
    { item: 0, name: 'crash.jpg', code: 'image_ended_process', detail: '' },
    { item: 1, name: 'locked.jpg', code: 'source_unreadable', detail: '' },
  ]
  const watch = new FolderWatch({
    ...{ watched: { gallery: 'watched', folder }, dataDir, everyMs: 10, settleMs: 0, removes: false, filesMax: 10 },
    galleries: { sets: { serving: async () => ({ galleryUid: 'uid' }) } },
    ingest: { async accept() {} },
    jobs: {
      report: async () => ({ job }),
      store: { errors: async (_id: string, { fromItem = 0 }) => lines.filter(({ item }) => item >= fromItem) },
    },
    onScan() {},
    logger: { info() {}, warn() {} },
  } as unknown as FolderWatchOptions)
  t.after(() => watch.close())
  const stampOf = async (name: string) => {
    const { size, mtimeNs } = await stat(join(folder, name), { bigint: true })
    return `${size}:${mtimeNs}`
  }
  const memory = await until(async () => {
    const saved = await FolderMemory.open(dataDir, { gallery: 'watched', folder }, 'uid')
    return saved.has('crash.jpg', await stampOf('crash.jpg')) ? saved : undefined
  }, 'that the broken picture is known')
  assert.equal(memory.isNoPicture('crash.jpg'), true)
  for (const name of ['locked.jpg', 'rest.jpg']) assert.equal(memory.has(name, await stampOf(name)), false, name)
})

test('what was taken is known even if ended jobs are not kept', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'a.jpg'), await drawImage('circle', 1))
  const app = await watching(t, folder, { jobsKeptDays: 0 })
  await app.call(201, { method: 'PUT', url: gallery })
  await untilStored(app, ['a.jpg'])
  const count = async (name: string) => {
    const lines = (await app.app.inject('/metrics')).body.split('\n')
    return Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length) ?? 0)
  }
  const scans = () => count('alike_watched_folder_scans_total{gallery="watched",prefix="",outcome="done"}')
  const before = await scans()
  await until(async () => (await scans()) > before + 10, 'further scans')
  assert.equal(await count('alike_jobs_ended_total{kind="ingest",state="succeeded"}'), 1)
})

test('a part of the folder that is too deep is reported once, and keeps nothing else from being taken', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, ...Array.from({ length: 70 }, () => 'd')), { recursive: true })
  await writeFile(join(folder, 'a.jpg'), await drawImage('circle', 1))
  const app = await watching(t, folder)
  await app.call(201, { method: 'PUT', url: gallery })
  await untilStored(app, ['a.jpg'])
  const told = () => app.log.filter(({ msg }) => /parts of a watched folder cannot be read/.test(String(msg)))
  const scans = async () =>
    Number(/outcome="incomplete"\} (\d+)/.exec((await app.app.inject('/metrics')).body)?.[1] ?? 0)
  await until(async () => (await scans()) > 2, 'further scans')
  assert.equal(told().length, 1)
  const [{ closed, first } = {}] = told() as { closed?: number; first?: { path: string }[] }[]
  assert.deepEqual([closed, first?.map(({ path }) => path.split('/').length)], [1, [65]])
})

test('names that are not UTF-8 are reported once, and do not keep the scan from the other files', {
  skip: process.platform !== 'linux' && 'other file systems refuse such names',
}, async (t) => {
  const folder = await temporaryFolder(t)
  const latin = (name: string) => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')])
  await writeFile(latin('m\xfcller.jpg'), await drawImage('circle', 1))
  await mkdir(latin('stra\xdfe'))
  await writeFile(join(folder, 'a.jpg'), await drawImage('circle', 2))
  const app = await watching(t, folder)
  await app.call(201, { method: 'PUT', url: gallery })
  await untilStored(app, ['a.jpg'])
  const [job, ...others] = await settledJobs(app)
  assert.equal(others.length, 0)
  assert.deepEqual((await errorsOf(app, job!)).map(({ name, code }) => `${name} ${code}`).sort(), [
    'm\ufffdller.jpg name_unreadable',
    'stra\ufffde name_unreadable',
  ])
})

test('WATCH_FOLDERS is checked at the start', () => {
  assert.deepEqual(watchedFolders(' a=/srv/a/ , b.c=/srv/x=y', '/data'), [
    { gallery: 'a', folder: '/srv/a' },
    { gallery: 'b.c', folder: '/srv/x=y' },
  ])
  assert.equal(watchedFolders('a=/srv, b=/srv/b, c=/srv', '/data').length, 3)
  assert.deepEqual(watchedFolders('a/nas1=/srv/1, a/old/cafe\u0301=/srv/2, b=/srv/1', '/data'), [
    { gallery: 'a', prefix: 'nas1', folder: '/srv/1' },
    { gallery: 'a', prefix: 'old/caf\u00e9', folder: '/srv/2' },
    { gallery: 'b', folder: '/srv/1' },
  ])
  assert.equal(watchedFolders('a/x=/srv/x, a/x1=/srv/y, b/x=/srv/x', '/data').length, 3)
  for (const prefix of ['', '.', '..', 'x/', '/x', 'x//y', 'x/../y', './x', 'x\\y', 'x ', 'x\u0007', 'x'.repeat(513)])
    assert.throws(() => watchedFolders(`a/${prefix}=/srv/a`, '/data'), { code: 'config_invalid' }, prefix)
  for (const list of ['a/x=/1, a/x=/2', 'a/x=/1, a/x/y=/2', 'a/x/y=/1, a/x=/2', 'a=/1, a/x=/2', 'a/x=/1, a=/2'])
    assert.throws(() => watchedFolders(list, '/data'), { detail: / would share ids in a: / }, list)
  assert.throws(() => watchedFolders('a/x=/srv, b=/mnt, a/y=/srv/y', '/data'), {
    detail: /^WATCH_FOLDERS: \/srv and \/srv\/y lie in each other: .* twice in a/,
  })
  for (const list of ['/srv/a', 'a=srv', 'a=/srv, a=/srv/b', 'a=/srv, a=/srv/', 'a=/data/in', 'a=/', 'a b=/srv'])
    assert.throws(
      () => watchedFolders(list, '/data'),
      (error) => error instanceof AlikeError && error.code === 'config_invalid',
      list,
    )
  assert.throws(() => watchedFolders('a=/srv/2025, b=/srv/2024, a=/srv/2026', '/data'), {
    detail: /^WATCH_FOLDERS: \/srv\/2025 and \/srv\/2026 would share ids in a: /,
  })
})

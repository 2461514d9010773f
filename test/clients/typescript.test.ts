import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import {
  AlikeClient,
  AlikeProblem,
  dataOf,
  isProblem,
  type Job,
  vectorOf,
} from '../../clients/typescript/src/alike-client.js'
import { type FolderProgress, folderUpload, uploadFolder } from '../../clients/typescript/src/folder.js'
import { makeKey } from '../../src/access/api-keys.js'
import { manifestFormat } from '../../src/ingest/upload-manifest/upload-manifest.js'
import { startApp, temporaryFolder } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { answering } from '../support/scripted-server.js'

const run = promisify(execFile)

async function imagesIn(folder: string, names: readonly string[]): Promise<string> {
  for (const [n, name] of names.entries()) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), await drawImage('circle', n + 1))
  }
  return folder
}

test('a folder is sent with progress, followed to the end of its job, and found', async (t) => {
  const app = await startApp(t)
  const client = new AlikeClient({ url: `${await app.listen()}/` })
  assert.equal(await client.hasGallery('g'), false)
  assert.equal((await client.createGallery('g')).name, 'g')
  assert.equal(await client.hasGallery('g'), true)

  const folder = await imagesIn(await temporaryFolder(t), ['a/1.jpg', 'a/ä 2.jpg', 'b/3.jpg'])
  await writeFile(join(folder, 'b/bad.jpg'), 'no picture')
  await writeFile(join(folder, 'notes.txt'), 'left out')
  const told: FolderProgress[] = []
  const { job, leftOut, unreadable } = await uploadFolder(client, 'g', folder, { onProgress: (now) => told.push(now) })
  assert.deepEqual([leftOut, unreadable, told.at(-1)], [1, [], { files: 4, totalFiles: 4 }])

  const events: string[] = []
  let ended: Job | undefined
  for await (const { event, job: now } of client.events(job.id)) {
    events.push(event)
    ended = now
  }
  assert.equal(events.at(-1), 'end')
  assert.deepEqual([ended?.state, ended?.added, ended?.failed], ['completed_with_errors', 3, 1])
  assert.equal((await client.waitForJob(job.id)).state, 'completed_with_errors', 'of a job that ended long ago')
  const lines = []
  for await (const line of client.jobErrors(job.id)) lines.push(line)
  assert.deepEqual(
    lines.map(({ name, code }) => [name, code]),
    [['b/bad.jpg', 'image_unreadable']],
  )

  const picture = new Uint8Array(await readFile(join(folder, 'a/ä 2.jpg')))
  const { hits } = await client.search('g', picture, { k: 2, include: ['metadata'] })
  assert.deepEqual([hits.length, hits[0]?.id, hits[0]?.label], [2, 'a/ä 2.jpg', 'a'])
  const metadata = { place: { city: 'Köln & more' } }
  const image = await client.putImage('g', 'c/ß?#.jpg', picture, { label: 'c', metadata })
  assert.deepEqual([image.id, image.label, image.metadata], ['c/ß?#.jpg', 'c', metadata])
  const inCity = { field: 'metadata.place.city', equals: 'Köln & more' }
  const found = await client.search('g', picture, { filter: inCity, label: ['c', ''], include: ['metadata'] })
  assert.deepEqual([found.hits.map(({ id }) => id), found.hits[0]!.metadata], [['c/ß?#.jpg'], metadata])
  const { images } = await dataOf(
    client.api.GET('/v1/galleries/{gallery}/images', { params: { path: { gallery: 'g' }, query: { limit: 10 } } }),
  )
  assert.equal(images.length, 4)
  const walked: string[] = []
  const filter = { field: 'label', in: ['a', 'b'] }
  for await (const { id } of client.images('g', { limit: 2, filter })) walked.push(id)
  assert.deepEqual(walked, ['a/1.jpg', 'a/ä 2.jpg', 'b/3.jpg'])
  for await (const { id } of client.images('g', { filter: JSON.stringify(filter) })) walked.push(id)
  assert.deepEqual(walked.slice(3), walked.slice(0, 3), 'as text, too')
  const embedded = []
  for await (const { image, vector } of client.embeddings('g', { limit: 2, label: 'a' }))
    embedded.push([image.id, vector, Math.hypot(...vector!).toFixed(5), 'vector' in image])
  const inNumbers = []
  for await (const { id, vector } of client.images('g', { label: 'a', include: ['vector'] }))
    inNumbers.push([id, vectorOf(vector!), '1.00000', false])
  assert.equal(inNumbers.length, 2)
  assert.deepEqual(embedded, inNumbers)
  await client.deleteGallery('g')
  assert.equal(await client.hasGallery('g'), false)
})

test('embeddings are read from base64, bit by bit, and damaged ones are null', async () => {
  const images = [
    { id: 'a', vector: 'AACAP8IWAQA=' },
    { id: 'b', vector: null },
  ]
  const asked: string[] = []
  const send = async ({ url }: Request) => {
    asked.push(url)
    return Response.json({ images })
  }
  const embedded = []
  for await (const one of new AlikeClient({ url: 'http://alike', fetch: send }).embeddings('g')) embedded.push(one)
  assert.deepEqual(embedded, [
    { image: { id: 'a' }, vector: Float32Array.of(1, 1e-40) },
    { image: { id: 'b' }, vector: null },
  ])
  assert.deepEqual(asked, ['http://alike/v1/galleries/g/images?include=vector&vectorFormat=base64&limit=1000'])
})

test('every manifest that the service reads is sent with its folder', async (t) => {
  const folder = await imagesIn(await temporaryFolder(t), ['a/1.jfif'])
  const names = ['manifest.csv', 'labels.csv', 'manifest.ndjson', 'manifest.jsonl']
  for (const name of [...names, 'other.csv']) await writeFile(join(folder, name), '')
  assert.deepEqual(
    names.filter((name) => manifestFormat(name) === undefined),
    [],
  )
  const { totalFiles, leftOut } = await folderUpload(folder)
  assert.deepEqual([totalFiles, leftOut], [1 + names.length, 1])
})

test('refusals are errors with a code; the key is sent', async (t) => {
  const { key, line } = makeKey('me', 'write')
  const app = await startApp(t, { apiKeys: line })
  const url = await app.listen()
  await assert.rejects(new AlikeClient({ url }).gallery('g'), { name: 'AlikeProblem', code: 'unauthenticated' })
  const client = new AlikeClient({ url, key })
  const missing = await client.gallery('g').catch((error: unknown) => error)
  assert.equal(isProblem(missing, 'internal'), false)
  assert.ok(isProblem(missing, 'image_not_found', 'gallery_not_found'))
  assert.deepEqual([missing.status, typeof missing.requestId], [404, 'string'])
  const misfit = await dataOf(client.api.GET('/v1/jobs', { params: { query: { limit: 0 } } })).catch(
    (error: unknown) => error,
  )
  assert.ok(misfit instanceof AlikeProblem && misfit.code === 'request_invalid')
  assert.equal(misfit.message, 'The request does not match its schema. limit must be >= 1.')
  assert.deepEqual(
    misfit.errors.map(({ in: where, pointer }) => [where, pointer]),
    [['query', '/limit']],
  )
})

test('an upload whose response was lost becomes one job', async (t) => {
  const app = await startApp(t)
  const url = await app.listen()
  let calls = 0
  const client = new AlikeClient({
    url,
    retry: { firstPauseMs: 1 },
    async fetch(request) {
      const response = await fetch(request)
      if (request.method === 'POST' && ++calls === 1) throw new TypeError('the answer is lost')
      return response
    },
  })
  await client.createGallery('g')
  const tar = new Uint8Array(await tarOf([{ path: 'x/1.jpg', content: await drawImage('circle', 1) }]))
  const job = await client.ingest('g', { open: () => new Blob([tar]), contentType: 'application/x-tar' })
  assert.equal(calls, 2)
  assert.equal((await client.waitForJob(job.id)).added, 1)
  assert.equal((await dataOf(client.api.GET('/v1/jobs'))).jobs.length, 1)
})

test('a folder whose upload has to be sent again is the same upload', async (t) => {
  const app = await startApp(t)
  const folder = await imagesIn(await temporaryFolder(t), ['a/1.jpg', 'b/2.jpg'])
  let isLost = false
  const client = new AlikeClient({
    url: await app.listen(),
    retry: { firstPauseMs: 1 },
    async fetch(request) {
      const response = await fetch(request)
      if (isLost || request.method !== 'POST') return response
      isLost = true
      await sleep(1_100) // a tar states times in seconds
      throw new TypeError('the connection broke')
    },
  })
  await client.createGallery('g')
  const { job } = await uploadFolder(client, 'g', folder)
  assert.equal((await client.waitForJob(job.id)).added, 2)
  assert.equal((await app.call(200, { url: '/v1/jobs' })).jobs.length, 1)
})

test('events continue after a broken connection, and stop with their signal', async (t) => {
  const job = (done: number) => JSON.stringify({ id: 'j', done })
  const { url, requests } = await answering(t, (_request, response, count) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`retry: 1\n\nevent: progress\ndata: ${job(count)}\n\n`)
    if (count === 1) setImmediate(() => response.destroy())
    if (count === 3) response.end(`event: end\ndata: ${job(9)}\n\n`)
    if (count === 2) response.end(': still\n\n')
  })
  const client = new AlikeClient({ url, retry: { firstPauseMs: 1 } })
  const seen: [string, number][] = []
  for await (const { event, job: now } of client.events('j')) seen.push([event, now.done])
  assert.deepEqual(seen.slice(-2), [
    ['progress', 3],
    ['end', 9],
  ])
  assert.equal(requests.length, 3)

  const leaving = new AbortController()
  await assert.rejects(
    async () => {
      for await (const _ of client.events('j', { signal: leaving.signal })) leaving.abort()
    },
    { name: 'AbortError' },
  )
})

test('a page of a proxy in place of a stream of events is an error, not a stream that breaks off', async (t) => {
  const { url, requests } = await answering(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>')
  })
  const client = new AlikeClient({ url, retry: { firstPauseMs: 1 } })
  await assert.rejects(client.waitForJob('j'), { name: 'AlikeProblem', code: 'unknown', status: 200 })
  assert.equal(requests.length, 1)
  // nor is it any other answer
  const isPage = { name: 'AlikeProblem', code: 'unknown', status: 200, message: /page/ }
  await assert.rejects(client.putImage('g', 'a', new Uint8Array(1)), isPage)
  await assert.rejects(client.hasGallery('g'), isPage)
  await assert.rejects(client.deleteGallery('g'), isPage)
})

test('the types match openapi.yaml; `npm run openapi` writes them', async (t) => {
  const folder = await temporaryFolder(t)
  const generator = resolve('clients/typescript/node_modules/.bin/openapi-typescript')
  await run(generator, [resolve('openapi.yaml'), '--output', join(folder, 'api.ts')])
  assert.equal(await readFile('clients/typescript/src/api.ts', 'utf8'), await readFile(join(folder, 'api.ts'), 'utf8'))
})

test('its package can be installed and imported on its own', async (t) => {
  const folder = await temporaryFolder(t)
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: 'clients/typescript' })
  const [packed] = Object.values(JSON.parse(stdout)) as { filename: string; files: { path: string }[] }[]
  assert.ok(packed!.files.some(({ path }) => path === 'dist/alike-client.d.ts'))
  assert.ok(packed!.files.every(({ path }) => /^(dist\/|package\.json$|README\.md$)/.test(path)))

  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, 'alike-client'), { recursive: true })
  await run('tar', [
    '-xzf',
    join(folder, packed!.filename),
    '--strip-components=1',
    '-C',
    join(modules, 'alike-client'),
  ])
  for (const name of ['openapi-fetch', 'eventsource-parser', 'tar-stream'])
    await symlink(resolve('node_modules', name), join(modules, name))
  const program =
    "import { AlikeClient } from 'alike-client'; import { uploadFolder } from 'alike-client/folder'; console.log(typeof AlikeClient, typeof uploadFolder)"
  const imported = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: folder })
  assert.equal(imported.stdout.trim(), 'function function')
})

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeKey } from '../../src/access/api-keys.js'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { tarOf, zstdOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { answering } from '../support/scripted-server.js'
import { until } from '../support/until.js'

const command = fileURLToPath(new URL('../../src/cli/ingest.js', import.meta.url))
const gallery = '/v1/galleries/sent'

function start(
  t: TestContext,
  ...args: string[]
): { child: ChildProcess; ended: Promise<{ code: number | null; output: string; errors: string }> } {
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => void child.kill('SIGKILL'))
  let [output, errors] = ['', '']
  child.stdout!.on('data', (text: Buffer) => void (output += text.toString()))
  child.stderr!.on('data', (text: Buffer) => void (errors += text.toString()))
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, output, errors })) }
}

async function fill(folder: string, files: Record<string, Buffer>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

async function stored(app: TestApp, headers: Record<string, string> = {}): Promise<[string, string | null][]> {
  const { images } = await app.call(200, { method: 'GET', url: `${gallery}/images`, headers })
  return images.map(({ id, label }) => [id, label])
}

test('a folder is sent with its subfolders as labels, and files that are not pictures are skipped', async (t) => {
  const app = await startApp(t)
  const url = await app.listen()
  const picture = await drawImage('circle', 1)
  const folder = await fill(await temporaryFolder(t), {
    'cycling/ä 1.jpg': picture,
    'deep/er/2.JPG': picture,
    'top.jpg': picture,
    'notes.txt': Buffer.from('x'),
    '.hidden.jpg': picture,
    '@eaDir/top.jpg/SYNOPHOTO_THUMB_XL.jpg': picture,
    'Ka\u0308se/3.jpg': picture,
  })
  await symlink(join(folder, 'top.jpg'), join(folder, 'link.jpg'))
  const { code, output, errors } = await start(
    t,
    folder,
    '--url',
    url,
    '--gallery',
    'sent',
    '--create',
    '--label',
    'loose',
  ).ended
  assert.equal(code, 0, errors)
  assert.match(output, /Job succeeded: 4 added, 0 updated, 0 removed, 0 skipped, 0 failed/)
  assert.match(errors, /Files left out, .*: 4\./)
  assert.deepEqual(await stored(app), [
    ['K\u00e4se/3.jpg', 'K\u00e4se'],
    ['cycling/ä 1.jpg', 'cycling'],
    ['deep/er/2.JPG', 'er'],
    ['top.jpg', 'loose'],
  ])

  const taken = await start(t, folder, '--url', url, '--gallery', 'sent', '--litter', 'take').ended
  assert.match(
    taken.output,
    /2 added, 0 updated, 0 removed, 4 skipped, 1 failed/,
    'notes.txt is reported as not being a picture',
  )
})

test('file names that are not UTF-8 are reported, or decoded as stated', async (t) => {
  const app = await startApp(t)
  const url = await app.listen()
  const folder = await temporaryFolder(t)
  await writeFile(Buffer.from(`${folder}/m\xfcller.jpg`, 'latin1'), await drawImage('circle', 1))
  const sent = (...more: string[]) => start(t, folder, '--url', url, '--gallery', 'sent', '--create', ...more).ended
  const refused = await sent()
  assert.deepEqual(
    [refused.code, /m\\xfcller\.jpg: could not be read \(.*not UTF-8/.test(refused.output)],
    [1, true],
    refused.output,
  )
  assert.equal((await sent('--name-encoding', 'windows-1252')).code, 0)
  assert.deepEqual(
    (await stored(app)).map(([id]) => id),
    ['müller.jpg'],
  )
  assert.equal((await sent('--name-encoding', 'martian')).code, 2)
})

test('a bad picture is reported and makes the exit code 1; a manifest is sent along', async (t) => {
  const app = await startApp(t)
  const url = await app.listen()
  const folder = await fill(await temporaryFolder(t), {
    'a.jpg': await drawImage('circle', 1),
    'bad.jpg': Buffer.from('no picture'),
    'manifest.csv': Buffer.from('filename,label\na.jpg,cycling\n'),
  })
  const { code, output } = await start(t, folder, '--url', url, '--gallery', 'sent', '--create').ended
  assert.equal(code, 1)
  assert.match(output, /^bad\.jpg: image_unreadable: /m)
  assert.match(output, /Job completed with errors: 1 added, 0 updated, 0 removed, 0 skipped, 1 failed/)
  assert.deepEqual(await stored(app), [['a.jpg', 'cycling']])
})

test('names in an archive cannot control the terminal', async (t) => {
  const app = await startApp(t)
  const archive = join(await temporaryFolder(t), 'a.tar')
  const content = Buffer.from('no picture')
  const names = ['\u009b2J\u009d0;mine\u009c.jpg', 'gpj.\u202etxt.jpg', '\u001b[2J.jpg']
  await writeFile(archive, await tarOf(names.map((path) => ({ path, content }))))
  const url = await app.listen()
  const { output } = await start(t, archive, '--url', url, '--gallery', 'sent', '--create').ended
  assert.match(output, /^\\u009b2J\\u009d0;mine\\u009c\.jpg: image_unreadable: /m)
  assert.match(output, /^gpj\.\\u202etxt\.jpg: image_unreadable: /m)
  assert.doesNotMatch(output.replaceAll('\n', ''), /[\p{Cc}\u202e]/u)
})

test('if every picture is bad the job fails, and the command reports it', async (t) => {
  const app = await startApp(t)
  const url = await app.listen()
  const folder = await fill(await temporaryFolder(t), { 'bad.jpg': Buffer.from('no picture') })
  const { code, output } = await start(t, folder, '--url', url, '--gallery', 'sent', '--create').ended
  assert.equal(code, 1)
  assert.match(output, /Job failed: 0 added, 0 updated, 0 removed, 0 skipped, 1 failed\. job_items_failed: /)
})

test('archives and lines are recognised by name, and keys are sent', async (t) => {
  const { key, line } = makeKey('importer', 'write')
  const app = await startApp(t, { apiKeys: line })
  const url = await app.listen()
  const picture = await drawImage('circle', 1)
  const folder = await fill(await temporaryFolder(t), {
    'a.tar.zst': zstdOf(await tarOf([{ path: 'x/1.jpg', content: picture }])),
    'b.ndjson': Buffer.from(
      `${JSON.stringify({ add: { id: '2', image: picture.toString('base64') } })}\n{"patch": {"id": "2", "label": "two"}}\n{"delete": {"id": "x/1.jpg"}}\n`,
    ),
    key: Buffer.from(`${key}\n`),
  })
  const send = (name: string, ...more: string[]) =>
    start(t, join(folder, name), '--url', url, '--gallery', 'sent', ...more).ended
  const refused = await send('a.tar.zst')
  assert.deepEqual([refused.code, /unauthenticated/.test(refused.errors)], [1, true])
  assert.match((await send('a.tar.zst', '--key', key)).errors, /gallery_not_found/)
  assert.equal((await send('a.tar.zst', '--key', key, '--create')).code, 0)
  assert.match((await send('b.ndjson', '--key-file', join(folder, 'key'))).output, /1 added, 1 updated, 1 removed/)
  assert.deepEqual(await stored(app, { authorization: `Bearer ${key}` }), [['2', 'two']])
})

test('Ctrl-C cancels the job and reports it', async (t) => {
  const app = await startApp(t)
  const url = await app.listen()
  const picture = await drawImage('circle', 1)
  const folder = await temporaryFolder(t)
  // Distinct pictures, so that none is skipped, and enough of them that the job is still running.
  const entries = Array.from({ length: 3_000 }, (_, n) => ({
    path: `x/${n}.jpg`,
    content: Buffer.concat([picture, Buffer.from(String(n))]),
  }))
  await writeFile(join(folder, 'many.tar'), await tarOf(entries))
  const { child, ended } = start(t, join(folder, 'many.tar'), '--url', url, '--gallery', 'sent', '--create')
  const jobs = async () => (await app.call(200, { method: 'GET', url: '/v1/jobs' })).jobs
  await until(async () => (await jobs()).some(({ done }) => done > 0), 'the first picture of the job')
  child.kill('SIGINT')
  const { code, output } = await ended
  const [job] = await jobs()
  assert.deepEqual([code, job?.state], [130, 'cancelled'])
  assert.match(output, /Job cancelled: /)
  assert.ok(job!.done < 3_000)
})

test('Ctrl-C while sending leaves nothing behind', async (t) => {
  const app = await startApp(t)
  const url = await app.listen()
  // A pipe is an archive that does not end while the test holds it.
  const pipe = join(await temporaryFolder(t), 'endless.tar')
  execFileSync('mkfifo', [pipe])
  const writer = await open(pipe, 'r+')
  const { child, ended } = start(t, pipe, '--url', url, '--gallery', 'sent', '--create')
  await writer.write(Buffer.alloc(1024))
  const spooled = () => readdir(join(app.config.dataDir, 'spool'))
  await until(async () => (await spooled()).length > 0)
  child.kill('SIGINT')
  child.stderr!.on('data', (text: Buffer) => {
    if (text.includes('Cancelled')) void writer.close()
  })
  const { code, errors } = await ended
  assert.deepEqual([code, /Cancelled while uploading/.test(errors)], [130, true])
  await until(async () => (await spooled()).length === 0)
  assert.deepEqual((await app.call(200, { method: 'GET', url: '/v1/jobs' })).jobs, [])
})

test('Ctrl-C while everything is being sent a second time leaves at once', async (t) => {
  const path = join(await temporaryFolder(t), 'large.tar')
  await writeFile(path, Buffer.alloc(30_000_000))
  const uploads: IncomingMessage[] = []
  const server = createServer((request, response) => {
    if (request.method === 'GET') return response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    if (uploads.push(request) > 1) return // it is not read
    request.resume().on('end', () => response.destroy())
  }).listen(0, '127.0.0.1')
  t.after(() => server.close().closeAllConnections())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { child, ended } = start(t, path, '--url', url, '--gallery', 'sent')
  await until(() => uploads.length > 1, 'a second attempt')
  child.kill('SIGINT')
  const { code, errors } = await ended
  assert.deepEqual([code, /Cancelled while uploading/.test(errors)], [130, true])
})

test('the result of a job is told even if its error report breaks off', async (t) => {
  const job = { id: 'j', state: 'completed_with_errors', failure: null, finishedAt: '2026-11-28T00:00:00Z' }
  const counts = { added: 3, updated: 0, removed: 0, skipped: 0, failed: 1, replaced: 0, namesAssumed: 0 }
  const { url } = await answering(t, ({ url: path = '', method }, response) => {
    if (path.endsWith('/events')) response.writeHead(204).end()
    else if (path.endsWith('/errors'))
      response
        .writeHead(200, { 'content-type': 'application/x-ndjson' })
        .write('{"name":"a.jpg"', () => setTimeout(() => response.destroy(), 50))
    else
      response
        .writeHead(method === 'POST' ? 202 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ ...job, ...counts }))
  })
  const path = join(await temporaryFolder(t), 'a.ndjson')
  await writeFile(path, '{}\n')
  const { code, output, errors } = await start(t, path, '--url', url, '--gallery', 'sent').ended
  assert.equal(code, 1)
  assert.match(output, /Job completed with errors: 3 added/)
  assert.match(errors, /service_unreachable: The report broke off/)
})

test('wrong arguments and unreachable services have their own exit codes', async (t) => {
  const folder = await temporaryFolder(t)
  for (const args of [
    [],
    [folder],
    ['--gallery', 'x'],
    [folder, '--gallery', 'x', '--nonsense'],
    [folder, '--gallery', 'x', '--url', 'localhost:8080'],
    [folder, folder, '--gallery', 'x'],
  ]) {
    const { code, errors } = await start(t, ...args).ended
    assert.deepEqual(
      [code, /^error: .+npm run ingest -- --help lists the options\)\n$/.test(errors)],
      [2, true],
      args.join(' '),
    )
  }
  const { code, errors } = await start(t, folder, '--gallery', 'x', '--url', 'http://127.0.0.1:1').ended
  assert.deepEqual([code, /service_unreachable/.test(errors)], [1, true])
  assert.equal((await start(t, join(folder, 'none'), '--gallery', 'x').ended).code, 1)
})

test('what cannot be sent is said to be so, with what to do instead', async (t) => {
  const app = await startApp(t)
  const url = await app.listen()
  const folder = await fill(await temporaryFolder(t), { 'a.jpg': await drawImage('circle', 1) })
  const empty = await temporaryFolder(t)
  const single = await start(t, join(folder, 'a.jpg'), '--gallery', 'sent', '--url', url).ended
  assert.deepEqual([single.code, /It is a single picture: state the folder/.test(single.errors)], [2, true])
  const nowhere = await start(t, folder, '--gallery', 'sent', '--url', url).ended
  assert.deepEqual([nowhere.code, /^gallery_not_found: .* --create creates sent/.test(nowhere.errors)], [1, true])
  const nothing = await start(t, empty, '--gallery', 'sent', '--create', '--url', url).ended
  assert.deepEqual([nothing.code, nothing.errors.includes(`There is nothing to send in ${empty}.`)], [0, true])
})

test("the package's command is the file that the build makes", async () => {
  const { bin } = JSON.parse(await readFile('package.json', 'utf8')) as { bin: Record<string, string> }
  assert.equal(bin['alike-ingest'], 'dist/src/cli/ingest.js')
  assert.match(await readFile(bin['alike-ingest'], 'utf8'), /^#!\/usr\/bin\/env node\n/)
})

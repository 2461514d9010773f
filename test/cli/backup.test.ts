import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../support/run-command.js'
import { answering } from '../support/scripted-server.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

test('a backup whose download breaks off says so, and leaves no file', async (t) => {
  const { url } = await answering(t, ({ url: path = '' }, response) => {
    if (path.endsWith('/archive'))
      response
        .writeHead(200, { 'content-type': 'application/x-tar', 'content-length': 99_999 })
        .write('x'.repeat(5_000), () => setTimeout(() => response.destroy(), 50))
    else
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ id: '20260301T093000Z-abcdef', state: 'ready' }))
  })
  const folder = await temporaryFolder(t)
  const { code, output } = await runCommand('cli/backup', ['--url', url, '--to', join(folder, 'a.tar')])
  assert.deepEqual([code, output], [1, 'service_unreachable: The download of the snapshot broke off.\n'])
  assert.deepEqual(await readdir(folder), [])
})

test('why a backup failed is said even if its snapshot cannot be deleted', async (t) => {
  const snapshot = { id: '20260301T093000Z-abcdef', state: 'failed', failure: { detail: 'The disk is full.' } }
  const server = createServer(({ method }, response) => {
    if (method === 'DELETE') response.destroy()
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(snapshot))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { code, output } = await runCommand('cli/backup', [
    '--url',
    url,
    '--to',
    join(await temporaryFolder(t), 'a.tar'),
  ])
  assert.deepEqual([code, /The disk is full/.test(output)], [1, true], output)
})

test('a backup that Ctrl-C cancels leaves neither a file nor a snapshot', async (t) => {
  const folder = await temporaryFolder(t)
  for (const state of ['writing', 'ready']) {
    const { url, requests } = await answering(t, ({ url: path = '', method }, response) => {
      if (method === 'DELETE') response.writeHead(204).end()
      else if (path.endsWith('/archive'))
        response.writeHead(200, { 'content-type': 'application/x-tar' }).write('x'.repeat(5_000))
      else
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ id: '20260301T093000Z-abcdef', state }))
    })
    const command = fileURLToPath(new URL('../../src/cli/backup.js', import.meta.url))
    const child = spawn(process.execPath, [command, '--url', url, '--to', join(folder, 'a.tar')])
    t.after(() => child.kill('SIGKILL'))
    const last = state === 'writing' ? /abcdef$/ : /archive$/
    await until(() => requests.some(({ url: path = '' }) => last.test(path)), `a snapshot that is ${state}`)
    child.kill('SIGINT')
    const [code] = (await once(child, 'close')) as [number | null]
    const { method, url: path } = requests.at(-1)!
    assert.deepEqual(
      [code, method, path, await readdir(folder)],
      [130, 'DELETE', '/v1/snapshots/20260301T093000Z-abcdef', []],
    )
  }
})

test('a backup to what cannot become a file is refused before a snapshot is written', async (t) => {
  const { url, requests } = await answering(t, (_request, response) => void response.end())
  const folder = await temporaryFolder(t)
  const rows = [
    ['', 'argument is empty'],
    [folder, 'There is something other than a file'],
    ['/dev/null', 'There is something other than a file'],
    [join(folder, 'none', 'a.tar'), 'Its folder does not exist'],
  ] as const
  for (const [to, says] of rows) {
    const { code, output } = await runCommand('cli/backup', ['--url', url, '--to', to])
    assert.deepEqual([code, output.includes(says)], [2, true], output)
  }
  assert.deepEqual(requests, [])
})

import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../support/run-command.js'
import { answering } from '../support/scripted-server.js'
import { temporaryFolder } from '../support/temporary-folder.js'

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

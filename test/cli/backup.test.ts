import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../support/run-command.js'
import { temporaryFolder } from '../support/temporary-folder.js'

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

/** A form of many pictures is received in constant memory. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startApp } from '../support/app.js'
import { rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const partsCount = 10_000
/** In the spool: two headers of a block each, and two bodies of one. */
const spooledBytes = 4 * 512
/** Written in chunks. */
const notYetSpooled = 100

test('nothing of a part is kept once it is on disk', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heapBytes = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const { socket } = rawConnection(t, await app.listen())
  const send = async (text: string) => {
    if (!socket.write(`${text.length.toString(16)}\r\n${text}\r\n`)) await once(socket, 'drain')
  }
  socket.write(
    'POST /v1/galleries/g/ingest HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-type: multipart/form-data; boundary=x\r\n\r\n',
  )
  let sent = 0
  const sendParts = async (count: number) => {
    for (const end = sent + count; sent < end; sent++)
      await send(`--x\r\ncontent-disposition: form-data; name="image"; filename="${sent}.jpg"\r\n\r\nx\r\n`)
    await until(async () => (await spooled()) >= (sent - notYetSpooled) * spooledBytes, 'all parts on disk')
  }
  const spool = join(app.config.dataDir, 'spool')
  const spooled = async () => {
    const [id = ''] = await readdir(spool)
    return (await stat(join(spool, id, 'upload')).catch(() => undefined))?.size ?? 0
  }
  await sendParts(1_000) // takes a few megabytes once, such as compiled code
  const heapBefore = heapBytes()
  await sendParts(partsCount)
  const bytesPerPart = (heapBytes() - heapBefore) / partsCount
  assert.ok(bytesPerPart < 500, `${Math.round(bytesPerPart)} bytes of each part are in memory`)
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import sharp from 'sharp'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { until } from '../support/until.js'

const jpeg = { 'content-type': 'image/jpeg' }

test('pictures are stored and found through decoder processes; one that crashes two of them fails one request', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const { app, call, parts } = await startApp(t, { decoderProcesses: '1' })
  await call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const image = await drawImage('circle', 1)
  await call(201, { method: 'PUT', url: '/v1/galleries/g/images/a', headers: jpeg, payload: image })
  assert.equal((await app.inject('/v1/galleries/g/images/a/thumbnail')).headers['content-type'], 'image/jpeg')
  const search = (status: number, payload: Buffer) =>
    call<{ code: string; hits: { id: string; score: number }[] }>(status, {
      method: 'POST',
      url: '/v1/galleries/g/search',
      headers: jpeg,
      payload,
    })
  assert.deepEqual(
    (await search(200, image)).hits.map(({ id, score }) => [id, score]),
    [['a', 1]],
  )

  const slow = await sharp({ create: { width: 7_000, height: 5_000, channels: 3, background: '#456' } })
    .jpeg()
    .toBuffer()
  const lost = search(422, slow)
  while (parts.decoders.bytesInUse === 0) await new Promise((resolve) => setImmediate(resolve))
  process.kill(decodersOf(process.pid)[0]!, 'SIGKILL')
  await until(() => parts.decoders.processes === 0)
  await until(() => parts.decoders.processes === 1)
  process.kill(decodersOf(process.pid)[0]!, 'SIGKILL')
  assert.equal((await lost).code, 'image_ended_decoder')
  assert.equal((await search(200, image)).hits[0]!.id, 'a')

  const metrics = (await app.inject('/metrics')).body
  assert.match(metrics, /^alike_decoder_processes 1$/m)
  assert.match(metrics, /^alike_decoder_process_crashes_total 2$/m)
  assert.match(metrics, /^alike_pictures_decoded_total\{where="process"\} 4$/m)
})

/** Children of any thread of the process that run a decoder. */
function decodersOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
  return children.filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('decoder-child'))
}

/** How clients experience the proxy configurations of docs/proxies.md: the real configurations are run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import type { Job } from '../support/jobs.js'
import { isInstalled, proxies } from './proxy.js'

for (const { name, start } of proxies) {
  const skip = (await isInstalled(name)) ? false : `${name} is not installed`

  test(`${name}: uploads, refusals, URLs and events pass through`, { skip }, async (t) => {
    const app = await startApp(t, { basePath: '/alike', trustProxy: '127.0.0.1', uploadMaxBytes: 100_000 })
    const address = await start(t, await app.listen())
    const send = async (status: number, path: string, init: RequestInit = {}) => {
      const response = await fetch(`${address}${path}`, { redirect: 'manual', ...init })
      assert.equal(response.status, status, `${path}: ${response.status === status || (await response.text())}`)
      return response
    }
    const picture = await drawImage('circle', 1)
    const gallery = '/alike/v1/galleries/shapes'

    const moved = await send(308, '/alike')
    assert.equal(new URL(moved.headers.get('location')!, address).pathname, '/alike/')
    await send(201, gallery, { method: 'PUT' })

    const jpeg = { 'content-type': 'image/jpeg' }
    const stored = await send(201, `${gallery}/images/a%2Fb%20c`, {
      method: 'PUT',
      body: new Uint8Array(picture),
      headers: jpeg,
    })
    assert.equal(stored.headers.get('location'), `${gallery}/images/a%2Fb%20c`)
    assert.equal(((await (await send(200, stored.headers.get('location')!)).json()) as { id: string }).id, 'a/b c')

    const tooLarge = await send(413, `${gallery}/images/large`, {
      method: 'PUT',
      body: new Uint8Array(3_000_000),
      headers: jpeg,
    })
    assert.equal(((await tooLarge.json()) as { code: string }).code, 'body_too_large')

    const longUrl = await fetch(`${address}${gallery}/images?label=${'x'.repeat(12_000)}`)
    assert.equal(((await longUrl.json()) as { code: string }).code, 'request_invalid')

    const archive = new Uint8Array(await manyPictures(picture))
    assert.ok(archive.length > 20_000_000, 'more than proxies accept by default')
    const tar = { method: 'POST', body: archive, headers: { 'content-type': 'application/x-tar' } }
    const [first, second] = [await send(202, `${gallery}/ingest`, tar), await send(202, `${gallery}/ingest`, tar)]
    await first.arrayBuffer()
    await eventsComeAtOnce(`${address}${second.headers.get('location')!}`)
  })
}

/** The second of two jobs waits for the first: its first event must arrive while neither has ended. */
async function eventsComeAtOnce(job: string): Promise<void> {
  const response = await fetch(`${job}/events`)
  assert.match(response.headers.get('content-type')!, /^text\/event-stream/)
  let [text, endedWhenFirstCame]: [string, boolean?] = ['']
  for await (const chunk of response.body!) {
    text += Buffer.from(chunk).toString()
    if (endedWhenFirstCame === undefined && text.includes('event: progress'))
      endedWhenFirstCame = ((await (await fetch(job)).json()) as Job).finishedAt !== null
  }
  assert.equal(endedWhenFirstCame, false, 'the proxy held events back')
  assert.match(text, /event: end\n.*\n.*"state":"succeeded"/)
}

/** Each with trailing bytes that make it a different file. */
async function manyPictures(picture: Buffer): Promise<Buffer> {
  const pictures = Array.from({ length: 300 }, (_, n) => Buffer.concat([picture, Buffer.alloc(70_000, `${n} `)]))
  return tarOf(pictures.map((content, n) => ({ path: `x/${n}.jpg`, content })))
}

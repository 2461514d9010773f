/** Repeated kill -9 while a watched folder is taken in: in the end the gallery matches the folder. */
import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Answer } from '../support/app.js'
import { temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { type ServiceProcess, startProcess } from '../support/service-process.js'
import { until } from '../support/until.js'

const files = 400
const killsWanted = 3

test('a service killed repeatedly while watching a folder takes in every file, and removes what was removed', async (t) => {
  const folder = await temporaryFolder(t)
  const environment = {
    DATA_DIR: await temporaryFolder(t),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    WATCH_FOLDERS: `watched=${folder}`,
    WATCH_EVERY_SECONDS: '1',
    WATCH_SETTLE_SECONDS: '0',
    WATCH_REMOVALS: 'remove',
  }
  const picture = await drawImage('circle', 1, { width: 16, height: 16, format: 'png' })
  const nameOf = (n: number) => join(`${n % 7}`, `${n}.png`)
  for (let n = 0; n < 7; n++) await mkdir(join(folder, `${n}`))
  for (let n = 0; n < files; n++)
    await writeFile(join(folder, nameOf(n)), Buffer.concat([picture, Buffer.from(`${n}`)]))

  let service = await startProcess(t, environment)
  await fetch(`${service.address}/v1/galleries/watched`, { method: 'PUT' })
  let seen = 0
  let kills = 0
  while (kills < killsWanted) {
    const images = await until(async () => {
      const { count } = await galleryOf(service)
      return count > seen && count
    }, 'further pictures')
    if (images === files) break
    seen = images
    assert.equal(await service.stop('SIGKILL'), 'SIGKILL')
    kills += 1
    // removed while the service is down: a stored one and, if possible, one that is not
    if (kills === 1) for (const n of [0, files - 1]) await rm(join(folder, nameOf(n)))
    service = await startProcess(t, environment)
  }
  assert.ok(kills > 0, 'everything was ingested before the service could be killed')

  await until(async () => (await galleryOf(service)).count === files - 2, 'the end')
  const answer = await fetch(`${service.address}/v1/galleries/watched/images?limit=1000`)
  const { images } = (await answer.json()) as Answer
  assert.deepEqual(images.map(({ id }) => id).sort(), Array.from({ length: files - 2 }, (_, n) => nameOf(n + 1)).sort())
  assert.equal(await service.stop('SIGTERM'), 0)
})

async function galleryOf({ address }: ServiceProcess): Promise<{ count: number }> {
  return (await (await fetch(`${address}/v1/galleries/watched`)).json()) as { count: number }
}

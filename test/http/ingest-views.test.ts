/** Pictures stored with several views, each of which takes a place in the model's queue. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, sendJob } from '../support/jobs.js'

const gallery = '/v1/galleries/g'
const pictures = 24

for (const embedQueueMax of [2, 8]) {
  test(`a job decodes each picture once, though the queue has room for ${embedQueueMax} views`, async (t) => {
    const app = await startApp(t, { embedQueueMax, galleryViews: 4, embedWorkers: 1, decodeConcurrency: 4 })
    await app.call(201, { method: 'PUT', url: gallery })
    const entries = await Promise.all(
      Array.from({ length: pictures }, async (_, seed) => ({
        path: `${seed}.jpg`,
        content: await drawImage('circle', seed),
      })),
    )
    const job = await sendJob(app, gallery, { 'content-type': 'application/x-tar' }, await tarOf(entries))
    assert.equal((await endedJob(app, job)).added, pictures)
    assert.match(
      (await app.app.inject('/metrics')).body,
      new RegExp(`^alike_pictures_decoded_total\\{where="service"\\} ${pictures}$`, 'm'),
    )
  })
}

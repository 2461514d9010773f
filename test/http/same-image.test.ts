import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { endedJob, sendJob } from '../support/jobs.js'

const jpeg = { 'content-type': 'image/jpeg' }

for (const [model, count] of [
  ['the handmade model', 40],
  ['the default model', 12],
] as const) {
  test(`a picture scores 1 against itself, by id and uploaded again, stored in batches: ${model}`, async (t) => {
    const modelDir =
      model === 'the default model' ? 'onnx/har-resnet50' : (await handmadeModel(t, { dimension: 192 })).folder
    const app = await startApp(t, { modelDir, batchMaxSize: 4 })
    const pictures = await Promise.all(Array.from({ length: count }, (_, i) => drawImage(drawnLabels[i % 4]!, i)))
    const names = pictures.map((_, i) => `${drawnLabels[i % 4]!}/${i}.jpg`)
    await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
    const tar = await tarOf(pictures.map((content, i) => ({ path: names[i]!, content })))
    await endedJob(app, await sendJob(app, '/v1/galleries/g', { 'content-type': 'application/x-tar' }, tar))

    for (const [i, payload] of pictures.entries()) {
      const id = names[i]!
      const byId = (
        await app.call(200, {
          method: 'POST',
          url: '/v1/galleries/g/search',
          payload: { imageId: id, includeSelf: true, minScore: 1 },
        })
      ).hits
      assert.equal(byId.find((hit) => hit.id === id)?.score, 1, id)
      const uploaded = (
        await app.call(200, { method: 'POST', url: '/v1/galleries/g/search?minScore=1', headers: jpeg, payload })
      ).hits
      assert.equal(uploaded.find((hit) => hit.id === id)?.score, 1, id)
      if (i % 10 !== 0) continue
      const image = payload.toString('base64')
      assert.equal(
        (
          await app.call<{ score: number }>(200, {
            method: 'POST',
            url: '/v1/compare',
            payload: { images: [image, image] },
          })
        ).score,
        1,
      )
      const { vector } = await app.call(200, { method: 'POST', url: '/v1/embeddings', headers: jpeg, payload })
      const byVector = (
        await app.call(200, { method: 'POST', url: '/v1/galleries/g/search', payload: { vector, minScore: 1 } })
      ).hits
      assert.equal(byVector.find((hit) => hit.id === id)?.score, 1, id)
    }
  })
}

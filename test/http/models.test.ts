import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { handmadeModel } from '../support/handmade-onnx.js'

test('a model card is a page, with its plots', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  await mkdir(join(folder, 'plots'))
  await writeFile(
    join(folder, 'model-card.md'),
    '# handmade\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![Classes](plots/classes.svg)\n',
  )
  await writeFile(join(folder, 'plots/classes.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  const { app } = await startApp(t, { modelDir: folder })

  const page = await app.inject('/v1/models/handmade/card')
  assert.equal(page.statusCode, 200)
  assert.match(String(page.headers['content-type']), /^text\/html/)
  assert.match(page.body, /<h1>handmade<\/h1>[\s\S]*<td>1<\/td>[\s\S]*<img src="plots\/classes.svg" alt="Classes">/)

  const plot = await app.inject('/v1/models/handmade/plots/classes.svg')
  assert.deepEqual(
    [plot.statusCode, plot.headers['content-type'], plot.body.slice(0, 4)],
    [200, 'image/svg+xml', '<svg'],
  )
})

test('a model without a card, unknown plots and names that escape the folder are refused', async (t) => {
  const app = await startApp(t)
  assert.equal((await app.call(404, { url: '/v1/models/handmade/card' })).code, 'model_card_missing')
  assert.equal((await app.call(404, { url: '/v1/models/handmade/plots/none.svg' })).code, 'model_card_missing')
  assert.equal((await app.call(404, { url: '/v1/models/other/card' })).code, 'model_not_found')
  assert.equal(
    (await app.call(400, { url: `/v1/models/handmade/plots/${encodeURIComponent('../manifest.svg')}` })).code,
    'request_invalid',
  )
})

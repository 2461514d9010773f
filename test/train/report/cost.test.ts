import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openOnnx } from '../../../src/train/onnx/onnx-session.js'
import { measureCost } from '../../../src/train/report/cost.js'
import { drawImage } from '../../support/drawn-images.js'
import { handmadeModel } from '../../support/handmade-onnx.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

test('the cost is that of pictures from the whole part, not of its first label', async (t) => {
  const path = join(await temporaryFolder(t), 'circle.jpg')
  await writeFile(path, await drawImage('circle', 1))
  const model = await handmadeModel(t)
  const session = await openOnnx(join(model.folder, model.manifest.files.fp32.file))
  t.after(() => session.close())
  // every other picture cannot be read, so the first 64 in a row cannot have been measured
  const images = Array.from({ length: 128 }, (_, i) => ({
    ...{ id: `${i}`, label: `${i >> 6}`, split: 'test' as const, group: `${i}` },
    source: { path: i % 2 === 0 ? path : `${path}.gone` },
  }))
  assert.equal((await measureCost(model, session, images)).picturesMeasured, 64)
})

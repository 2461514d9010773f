import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { chooseBackend } from '../../../src/train/backend.js'
import { cachedMaps } from '../../../src/train/fine-tuning/cached-maps.js'
import { defaultFineTuneSettings } from '../../../src/train/fine-tuning/settings.js'
import { ImageLoader } from '../../../src/train/loader/image-loader.js'
import { readTrainingData } from '../../../src/train/training-data.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { writeDrawnImages } from '../../support/tiny-model.js'
import { tinyResNet } from './tiny-resnet.js'

await chooseBackend('wasm')

test('maps of the same weights are built once for each precision of convolutions', async (t) => {
  const folder = await temporaryFolder(t)
  const pictures = join(folder, 'pictures')
  await writeDrawnImages(pictures, { train: 2, val: 1, test: 1 })
  const settings = { ...defaultFineTuneSettings, data: pictures, cache: join(folder, 'cache'), init: '', name: 'maps' }
  const data = await readTrainingData(settings)
  const loader = new ImageLoader(data.images)
  t.after(() => loader.close())
  const lines: string[] = []
  const built = async (compute: 'float32' | 'bfloat16'): Promise<number> => {
    const means = {
      data,
      settings,
      loader,
      log: (line: string) => lines.push(line),
      stop: new AbortController().signal,
    }
    const maps = await cachedMaps({ network: tinyResNet(), weightsSha256: 'ab', compute, ...means })
    await maps!.close()
    return lines.splice(0).length
  }
  const files = 1 + settings.views
  assert.deepEqual(
    [await built('float32'), await built('float32'), await built('bfloat16'), await built('bfloat16')],
    [files, 0, files, 0],
  )
})

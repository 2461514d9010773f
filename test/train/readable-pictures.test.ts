import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SplitImage } from '../../src/datasets/split.js'
import { ImageLoader } from '../../src/train/loader/image-loader.js'
import { expectReadable } from '../../src/train/readable-pictures.js'
import { defaultSettings } from '../../src/train/settings.js'
import { drawImage } from '../support/drawn-images.js'
import { temporaryFolder } from '../support/temporary-folder.js'

test('while many pictures are read, the log shows how far it is', async (t) => {
  const path = join(await temporaryFolder(t), 'circle.jpg')
  await writeFile(path, await drawImage('circle', 1))
  const images = Array.from(
    { length: 501 },
    (_, i): SplitImage => ({ id: `${i}`, label: 'circle', split: 'train', group: `${i}`, source: { path } }),
  )
  const loader = new ImageLoader(images, 0)
  t.after(() => loader.close())
  const lines: string[] = []
  const preprocessing = { ...defaultSettings.preprocessing, inputSize: 8, resizeShortSide: 8 }
  const reading = { data: { images }, loader, preprocessing, stop: new AbortController().signal }
  assert.equal(await expectReadable({ ...reading, log: (line) => lines.push(line) }), true)
  assert.deepEqual(lines, ['reading each of the 501 pictures once', '  read 500 of 501'])
})

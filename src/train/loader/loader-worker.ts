/** Worker thread: decodes and augments batches while the training thread is inside a synchronous step. */
import { readFile } from 'node:fs/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { PictureSource } from '../../datasets/labelled-picture.js'
import { seededRandom } from '../../eval/random.js'
import { augmentImage } from '../../image/augment.js'
import { prepareImage } from '../../image/prepare.js'
import { mirrored } from '../../image/views.js'
import type { FromLoader, LoaderStart, LoadRequest, ToLoader } from './loader-protocol.js'

const maxPixels = 100e6
const { sources } = workerData as LoaderStart
const port = parentPort!

port.on('message', (message: ToLoader) => {
  if (message.kind === 'close') port.close()
  else void load(message)
})

async function load(request: LoadRequest): Promise<void> {
  const { ticket, pictures, preprocessing } = request
  const size = preprocessing.inputSize ** 2 * 3
  const pixels = new Uint8Array(pictures.length * size)
  let current = -1
  try {
    await Promise.all(
      pictures.map(async (picture, position) => {
        const view = await pixelsOf(request, picture, position).catch((error: unknown) => {
          current = picture
          throw error
        })
        pixels.set(view, position * size)
      }),
    )
    port.postMessage({ kind: 'loaded', ticket, pixels } satisfies FromLoader, [pixels.buffer])
  } catch (error) {
    port.postMessage({ kind: 'failed', ticket, picture: current, error } satisfies FromLoader)
  }
}

async function pixelsOf({ preprocessing, augmentation }: LoadRequest, picture: number, position: number): Promise<Uint8Array> {
  const bytes = await bytesOf(sources[picture]!)
  if (augmentation === undefined) return (await prepareImage(bytes, { preprocessing, maxPixels })).pixels
  const { seeds, asServed, minScale, colourJitter } = augmentation
  const random = seededRandom(seeds[position]!)
  if (asServed?.[position] !== true) return augmentImage(bytes, { preprocessing, minScale, colourJitter, random })
  const { pixels } = await prepareImage(bytes, { preprocessing, maxPixels })
  return random() < 0.5 ? mirrored(pixels, preprocessing.inputSize) : pixels
}

async function bytesOf(source: PictureSource): Promise<Uint8Array> {
  return 'bytes' in source ? source.bytes : readFile(source.path)
}

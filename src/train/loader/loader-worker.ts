/** Worker thread: gathers batches while the training thread is inside a synchronous step. */
import { parentPort, workerData } from 'node:worker_threads'
import { bytesOf } from '../../datasets/image-bytes.js'
import type { FromLoader, LoaderStart, LoadRequest, ToLoader } from './loader-protocol.js'
import type { ViewOrder } from './view-maker.js'
import { ViewProcesses } from './view-processes.js'

const { sources, processes } = workerData as LoaderStart
const port = parentPort!
const views = new ViewProcesses(processes)

port.on('message', (message: ToLoader) => {
  if (message.kind !== 'close') return void load(message)
  views.close()
  port.close()
})

async function load(request: LoadRequest): Promise<void> {
  const { ticket, images, preprocessing } = request
  const size = preprocessing.inputSize ** 2 * 3
  const pixels = new Uint8Array(images.length * size)
  let current = -1
  try {
    await Promise.all(
      images.map(async (image, position) => {
        const view = await bytesOf({ source: sources[image]! })
          .then((bytes) => views.make(bytes, orderOf(request, position)))
          .catch((error: unknown) => {
            current = image
            throw error
          })
        pixels.set(view, position * size)
      }),
    )
    port.postMessage({ kind: 'loaded', ticket, pixels } satisfies FromLoader, [pixels.buffer])
  } catch (error) {
    port.postMessage({ kind: 'failed', ticket, image: current, error } satisfies FromLoader)
  }
}

function orderOf({ preprocessing, augmentation }: LoadRequest, position: number): ViewOrder {
  if (augmentation === undefined) return { preprocessing }
  const { seeds, asServed, wild, minScale, colourJitter } = augmentation
  return {
    preprocessing,
    random: {
      seed: seeds[position]!,
      minScale,
      colourJitter,
      asServed: asServed?.[position] === true,
      wild: wild?.[position] === true,
    },
  }
}

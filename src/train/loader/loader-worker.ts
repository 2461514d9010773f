/** Worker thread: prepares batches while the training thread is inside a synchronous step. */
import { workerData } from 'node:worker_threads'
import { bytesOf } from '../../datasets/image-bytes.js'
import { DecodePermits } from '../../image/decode-permits.js'
import { answerCalls, MovedReply } from '../../worker-calls/answered-calls.js'
import { unreadablePicture } from '../unreadable-picture.js'
import type { BatchRequest, LoaderCalls, LoaderStart, Pixels } from './loader-protocol.js'
import type { ViewOrder } from './view-maker.js'
import { ViewProcesses } from './view-processes.js'

const { images, processes } = workerData as LoaderStart
const views = new ViewProcesses(processes)
/** Enough to keep every decoder busy; the files of whole batches would take gigabytes if a camera wrote them. */
const permits = new DecodePermits({ count: 4 * Math.max(2, processes), maxBytes: Infinity })

answerCalls<LoaderCalls>({ load }, () => views.close())

async function load(request: BatchRequest): Promise<MovedReply<Pixels>> {
  const size = request.preprocessing.inputSize ** 2 * 3
  const pixels = new Uint8Array(request.images.length * size)
  await Promise.all(
    Array.from(request.images.keys(), async (position) => pixels.set(await viewOf(request, position), position * size)),
  )
  return new MovedReply(pixels, [pixels.buffer])
}

/** @throws AlikeError see `unreadablePicture` */
async function viewOf(request: BatchRequest, position: number): Promise<Uint8Array> {
  const { id, source } = images[request.images[position]!]!
  try {
    return await permits.run(async () => views.make(await bytesOf({ source }), orderOf(request, position)), {
      bytes: 0,
    })
  } catch (cause) {
    throw unreadablePicture(id, cause)
  }
}

function orderOf({ preprocessing, augmentation }: BatchRequest, position: number): ViewOrder {
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

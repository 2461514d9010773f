/**
 * Decodes every picture before a run: the test pictures are read only after its last epoch, and without one of them its
 * checkpoints would belong to other data.
 */
import { firstOf } from '../command-line.js'
import { AlikeError, hasCode } from '../errors.js'
import type { Preprocessing } from '../image/preprocessing.js'
import type { ImageLoader } from './loader/image-loader.js'
import type { TrainingData } from './training-data.js'

export interface ReadableOptions {
  data: Pick<TrainingData, 'images'>
  loader: ImageLoader
  preprocessing: Preprocessing
  log: (line: string) => void
  stop: AbortSignal
}

const chunkSize = 25
/** A multiple of the chunk. */
const linesEvery = 500
const shownIds = 10

/** @returns false if stopped early @throws AlikeError `dataset_unusable`, naming the unreadable pictures; the log says why */
export async function expectReadable({ data, loader, preprocessing, log, stop }: ReadableOptions): Promise<boolean> {
  const { images } = data
  log(`reading each of the ${images.length} pictures once`)
  const unreadable: string[] = []
  for (let start = 0; start < images.length && !stop.aborted; start += chunkSize) {
    const chunk = images.slice(start, start + chunkSize)
    const read = await Promise.allSettled(chunk.map((_, i) => loader.load({ images: [start + i], preprocessing })))
    for (const [i, result] of read.entries()) {
      if (result.status === 'fulfilled') continue
      if (!hasCode(result.reason, 'dataset_unusable')) throw result.reason
      if (unreadable.push(chunk[i]!.id) <= shownIds) log(`  ${result.reason.detail}`)
    }
    const done = start + chunk.length
    if (done % linesEvery === 0) log(`  read ${done} of ${images.length}`)
  }
  if (unreadable.length > 0) throw new AlikeError('dataset_unusable', { detail: detailOf(unreadable) })
  return !stop.aborted
}

function detailOf(ids: readonly string[]): string {
  const names = ids.map((id) => `"${id}"`)
  return ids.length === 1
    ? `The picture ${names[0]} cannot be read.`
    : `${ids.length} pictures cannot be read: ${firstOf(names, shownIds)}.`
}

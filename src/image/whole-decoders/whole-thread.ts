/**
 * Decodes one picture as a whole in a dedicated thread that ends afterwards, so that its memory is freed and it can be
 * stopped.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { AlikeError } from '../../errors.js'
import type { WholeReply, WholeTask } from './whole-picture.js'

const program = new URL('./whole-worker.js', import.meta.url)
/** The largest accepted picture takes a fraction of this. */
const decodeMaxMs = 60_000
/**
 * Everything but pixels: the decoder's code and tables. V8 would reserve 512 MiB for code, which count towards the memory
 * limit of a decoder process.
 */
const heap = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16, codeRangeSizeMb: 32 }

/**
 * @returns an uncompressed TIFF
 * @throws AlikeError `image_unreadable`
 */
export async function decodeWhole(task: WholeTask): Promise<Buffer> {
  const worker = new Worker(program, { workerData: task, name: 'whole-decoder', resourceLimits: heap })
  const timer = setTimeout(() => void worker.terminate(), decodeMaxMs)
  try {
    const [reply] = (await Promise.race([
      once(worker, 'message'),
      once(worker, 'exit').then(() => [{ damage: `It was not decoded in ${decodeMaxMs / 1000} s.` }]),
    ])) as [WholeReply]
    if ('damage' in reply) throw new AlikeError('image_unreadable', { detail: reply.damage })
    return Buffer.from(reply.tiff.buffer, reply.tiff.byteOffset, reply.tiff.byteLength)
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('image_unreadable', { detail: 'Its decoder gave up.', cause })
  } finally {
    clearTimeout(timer)
    // Nothing native runs in it: it may be stopped at any point.
    void worker.terminate()
  }
}

/**
 * Decodes one picture as a whole in a dedicated thread that ends afterwards, so that its memory is freed and it can be
 * stopped.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { AlikeError } from '../../errors.js'
import type { WholeReply, WholeTask } from './whole-picture.js'

const program = new URL('./whole-worker.js', import.meta.url)
/** Of processor time: the largest accepted picture takes a fraction of it, but on a busy machine may wait longer. */
const decodeMaxMs = 60_000
/** Shortest time between two looks at the time taken. */
const lookMs = 1_000
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
  const ended = new AbortController()
  void endOverdue(worker, ended.signal)
  try {
    const [reply] = (await Promise.race([
      once(worker, 'message'),
      once(worker, 'exit').then(() => [{ damage: `It was not decoded in ${decodeMaxMs / 1000} s of processor time.` }]),
    ])) as [WholeReply]
    if ('damage' in reply) throw new AlikeError('image_unreadable', { detail: reply.damage })
    return Buffer.from(reply.tiff.buffer, reply.tiff.byteOffset, reply.tiff.byteLength)
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('image_unreadable', { detail: 'Its decoder gave up.', cause })
  } finally {
    ended.abort()
    // Nothing native runs in it: it may be stopped at any point.
    void worker.terminate()
  }
}

/** One thread takes no more processor time than passes, so there is no need to look at it sooner. */
async function endOverdue(worker: Worker, signal: AbortSignal): Promise<void> {
  try {
    for (let leftMs = decodeMaxMs; leftMs > 0; ) {
      await sleep(Math.max(leftMs, lookMs), undefined, { signal })
      const { user, system } = await worker.cpuUsage()
      leftMs = decodeMaxMs - (user + system) / 1000
    }
    await worker.terminate()
  } catch {
    // the thread has ended
  }
}

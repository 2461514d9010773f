/** Replays recent searches on both sets and compares their ten best hits. */
import type { ImageEmbedder } from '../embedding/image-embedder.js'
import { AlikeError } from '../errors.js'
import type { OpenSet } from '../gallery/engine.js'
import { patiently } from '../jobs/patience.js'
import type { GateMeasures } from './gate-report.js'

export interface ReplayOptions {
  serving: { set: OpenSet; modelId: string }
  other: { set: OpenSet; modelId: string }
  /** As received. */
  pictures: AsyncIterable<Buffer>
  images: Pick<ImageEmbedder, 'embed'>
  signal: AbortSignal
}

const depth = 10

/** Skips pictures that can no longer be decoded. @throws AlikeError `gallery_not_found`; the signal's reason */
export async function replayQueries({
  serving,
  other,
  pictures,
  images,
  signal,
}: ReplayOptions): Promise<NonNullable<GateMeasures['replay']> | null> {
  let [shown, both, queries] = [0, 0, 0]
  const hitsOf = async ({ set, modelId }: ReplayOptions['other'], bytes: Buffer) => {
    const { vector } = await patiently(() => images.embed(bytes, { purpose: 'job', modelId, signal }), signal)
    const hits = await patiently(async () => (await set.nearest({ vector })).first(depth), signal)
    return new Set(hits.map(({ record }) => record.id))
  }
  for await (const bytes of pictures) {
    signal.throwIfAborted()
    try {
      const [first, second] = [await hitsOf(serving, bytes), await hitsOf(other, bytes)]
      queries++
      shown += Math.max(first.size, second.size)
      for (const hit of first) if (second.has(hit)) both++
    } catch (error) {
      if (!(error instanceof AlikeError && error.code.startsWith('image_'))) throw error
    }
  }
  return shown === 0 ? null : { queries, overlapAt10: both / shown }
}

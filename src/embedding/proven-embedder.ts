/**
 * An embedder that has reproduced the golden embeddings. A precision that this processor computes differently
 * (int8 of other tools may overflow without VNNI) is skipped, and the next one in the folder is used.
 */
import { AlikeError } from '../errors.js'
import type { Embedder, EmbedderOptions } from './embedder.js'
import { checkGolden } from './golden-check.js'
import type { Precision } from './model-manifest.js'
import { openEmbedder } from './pooled-embedder.js'
import { precisionsLeft } from './runtime-plan.js'

/**
 * @throws AlikeError `golden_mismatch` if no precision that can run reproduces them; `cuda_unavailable`,
 * `model_unreadable`
 */
export async function openProvenEmbedder(options: EmbedderOptions): Promise<Embedder> {
  const { logger, metrics } = options
  const failed = new Map<Precision, string>()
  for (;;) {
    const embedder = await openEmbedder({ ...options, failed })
    try {
      const golden = await checkGolden(embedder)
      if (golden === undefined) logger.info({}, 'the model folder has no golden pictures to verify the model with')
      else metrics.setGoldenCosine(golden.precision, golden.minCosine)
      if (golden?.failure === undefined) {
        if (golden !== undefined) logger.info(golden, 'the model reproduces its golden embeddings')
        return embedder
      }
      failed.set(golden.precision, golden.failure)
    } catch (error) {
      await embedder.close()
      throw error
    }
    await embedder.close()
    const reason = [...failed.values()].at(-1)!
    if (precisionsLeft({ ...options, failed }).length === 0) throw new AlikeError('golden_mismatch', { detail: reason })
    logger.warn({ reason }, 'skipping this precision of the model')
  }
}

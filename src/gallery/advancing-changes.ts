/** Changes to a gallery as part of a job, whose progress is stored with them. */
import type { OpenSet } from './engine.js'
import { countsOf, type JobProgress, type ProgressKeeper, withRefusals } from './job-progress.js'
import type { ImageStep, StepResult } from './records.js'

/** In the same transaction if the engine stores job progress, otherwise after the changes. */
export async function changeAdvancing(
  { committedBy, advance }: ProgressKeeper,
  { engine, opened, maxImages }: { engine: string; opened: OpenSet; maxImages?: number | undefined },
  steps: readonly ImageStep[],
  progress: JobProgress | undefined,
): Promise<StepResult[]> {
  if (progress === undefined || committedBy.includes(engine)) return opened.change(steps, { progress, maxImages })
  const results = await opened.change(steps, { maxImages })
  await advance(withRefusals(progress, results, maxImages), countsOf(results))
  return results
}

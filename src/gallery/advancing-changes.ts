/** Changes that belong to a job, which is told of them. */
import type { OpenSet } from './engine.js'
import { countsOf, type JobProgress, type ProgressKeeper } from './job-progress.js'
import type { ImageStep, StepResult } from './records.js'

/** In the same transaction where the engine keeps how far jobs come, and behind them where not. */
export async function changeAdvancing(
  { committedBy, advance }: ProgressKeeper,
  { engine, opened }: { engine: string; opened: OpenSet },
  steps: readonly ImageStep[],
  progress: JobProgress | undefined,
): Promise<StepResult[]> {
  if (progress === undefined || committedBy.includes(engine)) return opened.change(steps, { progress })
  const results = await opened.change(steps)
  await advance(progress, countsOf(results))
  return results
}

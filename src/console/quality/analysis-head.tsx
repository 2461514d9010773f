/** The date and progress of an analysis, and the button to start a new one. */
import { Needs } from '../controls/needs.js'
import { Fault, Notice } from '../controls/notice.js'
import { JobProgress } from '../jobs/job-progress.js'
import type { AnalysisKind, AnalysisState } from './use-analysis.js'

export interface AnalysisHeadProps<Kind extends AnalysisKind> {
  kind: Kind
  analysis: AnalysisState<Kind>
  /** Label of the button. */
  action: string
  /** What the analysis will show. */
  promise: string
}

export function AnalysisHead<Kind extends AnalysisKind>({ kind, analysis, action, promise }: AnalysisHeadProps<Kind>) {
  const { job, result, error, isNew, start, reload } = analysis
  const isRunning = job !== undefined && job.finishedAt === null
  const isLoading = !isNew && error === undefined && result === undefined && (job?.state ?? 'succeeded') === 'succeeded'
  return (
    <>
      {error !== undefined && <Fault error={error} onAgain={reload} />}
      {isNew && <Notice>{promise}</Notice>}
      <div class="row">
        <Needs to={kind}>
          {/* a disabled one would lose the focus */}
          <button
            type="button"
            class={isNew ? 'primary' : ''}
            aria-disabled={isRunning}
            onClick={() => isRunning || start()}
          >
            {job === undefined ? action : `${action} again`}
          </button>
        </Needs>
        {job?.finishedAt && <span class="hint">As of {new Date(job.finishedAt).toLocaleString()}</span>}
      </div>
      {isLoading && <p class="hint">Loading…</p>}
      {job !== undefined && (isRunning || job.state !== 'succeeded') && <JobProgress job={job} />}
    </>
  )
}

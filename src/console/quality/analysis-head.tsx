/** The date and progress of an analysis, and the button to start a new one. */
import { momentText } from '../controls/dates.js'
import { Needs } from '../controls/needs.js'
import { Fault } from '../controls/notice.js'
import { JobProgress } from '../jobs/job-progress.js'
import type { AnalysisKind, AnalysisState } from './use-analysis.js'

export interface AnalysisHeadProps<Kind extends AnalysisKind> {
  kind: Kind
  analysis: AnalysisState<Kind>
  /** What it answers, as long as there is none. */
  question: string
  /** Label of the button. */
  action: string
  /** What the analysis will show. */
  promise: string
}

export function AnalysisHead<Kind extends AnalysisKind>(props: AnalysisHeadProps<Kind>) {
  const { kind, analysis, question, action, promise } = props
  const { job, result, error, isNew, start, reload } = analysis
  const isRunning = job !== undefined && job.finishedAt === null
  const isLoading = !isNew && error === undefined && result === undefined && (job?.state ?? 'succeeded') === 'succeeded'
  return (
    <>
      {error !== undefined && <Fault error={error} onAgain={reload} />}
      <div class={isNew ? 'invitation stack' : 'row'}>
        {isNew && <h2>{question}</h2>}
        {isNew && <p>{promise}</p>}
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
        {job?.finishedAt && <span class="hint">As of {momentText(job.finishedAt)}</span>}
      </div>
      {isLoading && <p class="hint">Loading…</p>}
      {job !== undefined && (isRunning || job.state !== 'succeeded') && <JobProgress job={job} />}
    </>
  )
}

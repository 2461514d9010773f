/** How many findings are decided, and the way back from the latest decision. */
import type { ComponentChildren } from 'preact'
import { Needs } from '../controls/needs.js'
import { Fault } from '../controls/notice.js'
import type { Decisions } from './use-decisions.js'

export function DecidedLine({ decisions, children }: { decisions: Decisions; children: ComponentChildren }) {
  const { undoLast, isLoading, error, reload } = decisions
  return (
    <>
      <div class="row">
        <p class="hint" role="status">
          {children}
        </p>
        {undoLast !== undefined && (
          <Needs to="write" otherwise="nothing">
            <button type="button" onClick={undoLast}>
              Undo the latest
            </button>
          </Needs>
        )}
      </div>
      {isLoading && <p class="hint">Loading…</p>}
      {error !== undefined && <Fault error={error} onAgain={reload} />}
    </>
  )
}

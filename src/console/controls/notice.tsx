/** A short message about an error or a fact. */
import type { ComponentChildren } from 'preact'
import { askForKey, keyLack } from '../api/key.js'
import { mayHelpToRepeat, ServiceError } from '../api/service-error.js'

export function Notice({ kind = 'info', children }: { kind?: 'info' | 'fault'; children: ComponentChildren }) {
  return (
    <div class={`notice notice-${kind}`} role={kind === 'fault' ? 'alert' : 'status'}>
      {children}
    </div>
  )
}

/** @param onAgain repeats what failed; offered only if that may help */
export function Fault({ error, onAgain }: { error: unknown; onAgain?: (() => void) | undefined }) {
  // nothing is wrong yet
  if (error instanceof ServiceError && error.status === 401)
    return (
      <Notice>
        <p>{keyLack()}</p>
        <Act name="Enter a key" onAct={askForKey} />
      </Notice>
    )
  const { code, requestId } = error instanceof ServiceError ? error.problem : {}
  return (
    <Notice kind="fault">
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {code !== undefined && (
        <p class="notice-facts">
          {code}
          {requestId !== undefined && ` · request ${requestId}`}
        </p>
      )}
      {onAgain && mayHelpToRepeat(error) && <Act name="Try again" onAct={onAgain} />}
    </Notice>
  )
}

function Act({ name, onAct }: { name: string; onAct: () => void }) {
  return (
    <p>
      <button type="button" onClick={onAct}>
        {name}
      </button>
    </p>
  )
}

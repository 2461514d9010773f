/** A short message about an error or a fact. */
import type { ComponentChildren } from 'preact'
import { ServiceError } from '../api/service.js'

export function Notice({ kind = 'info', children }: { kind?: 'info' | 'fault'; children: ComponentChildren }) {
  return (
    <div class={`notice notice-${kind}`} role={kind === 'fault' ? 'alert' : 'status'}>
      {children}
    </div>
  )
}

/** @param onAgain repeats what failed */
export function Fault({ error, onAgain }: { error: unknown; onAgain?: (() => void) | undefined }) {
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
      {onAgain && (
        <p>
          <button type="button" onClick={onAgain}>
            Try again
          </button>
        </p>
      )}
    </Notice>
  )
}

/** Controls that are offered only if the key may do what they do. */
import { type ComponentChildren, createContext } from 'preact'
import { useContext, useId } from 'preact/hooks'
import { type Need, refusal } from '../api/caller.js'

export interface NeedsProps {
  /** All of which the key must be allowed. */
  to: Need | readonly Need[]
  /**
   * What is shown to a key that may not: the controls, disabled, below the reason; only the reason, for whatever cannot
   * be disabled; or nothing, where the reason is told already.
   */
  otherwise?: 'disabled' | 'reason' | 'nothing' | undefined
  children: ComponentChildren
}

/** Whether what is around is disabled already, with its reason. */
const IsDisabled = createContext(false)

export function Needs({ to, otherwise = 'disabled', children }: NeedsProps) {
  const reason = refusal(to)
  const isDisabled = useContext(IsDisabled)
  const id = useId()
  const told = reason !== undefined && (
    <p id={id} class="hint">
      {reason}
    </p>
  )
  if (told && otherwise === 'nothing') return null
  if (told && otherwise === 'reason') return told
  const disables = told && !isDisabled
  // around what is allowed too: what was typed stays while permissions change
  return (
    <fieldset
      class="needs"
      disabled={disables}
      role={disables ? undefined : 'presentation'}
      aria-labelledby={disables ? id : undefined}
    >
      {disables && told}
      <IsDisabled.Provider value={isDisabled || disables}>{children}</IsDisabled.Provider>
    </fieldset>
  )
}

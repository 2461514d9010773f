/** Asks before something is removed that cannot be brought back at once. */
import type { ComponentChildren } from 'preact'
import { Dialog } from './dialog.js'

export interface ConfirmProps {
  /** The question. */
  title: string
  /** Label of the button that does it. */
  action: string
  onConfirm: () => void
  onClose: () => void
  /** What will be lost. */
  children: ComponentChildren
}

export function Confirm({ title, action, onConfirm, onClose, children }: ConfirmProps) {
  const confirm = () => {
    onClose()
    onConfirm()
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="stack">
        <p>{children}</p>
        <div class="row">
          <button type="button" class="danger" onClick={confirm}>
            {action}
          </button>
          <button type="button" onClick={onClose}>
            Keep it
          </button>
        </div>
      </div>
    </Dialog>
  )
}

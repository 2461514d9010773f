/** Asks before something is removed that cannot be brought back at once. */
import type { ComponentChildren } from 'preact'
import { Dialog } from './dialog.js'

export interface ConfirmProps {
  /** The question. */
  title: ComponentChildren
  /** Label of the button that does it. */
  action: string
  /** Label of the button that does not. */
  otherwise?: string
  onConfirm: () => void
  onClose: () => void
  /** What will be lost. */
  children: ComponentChildren
}

export function Confirm({ title, action, otherwise = 'Keep it', onConfirm, onClose, children }: ConfirmProps) {
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
            {otherwise}
          </button>
        </div>
      </div>
    </Dialog>
  )
}

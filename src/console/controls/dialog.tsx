/** A modal dialog based on the browser's own element, which traps the focus and closes on Escape. */
import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { Toasts } from './toasts.js'

export interface DialogProps {
  title: ComponentChildren
  onClose: () => void
  children: ComponentChildren
  wide?: boolean | undefined
}

export function Dialog({ title, onClose, children, wide = false }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const left = useRef(false)
  const titleId = useId()
  // not after it was painted: until it is open, Escape would not close it
  useLayoutEffect(() => {
    const element = dialog.current
    element?.showModal()
    // instead of the button that closes it
    element?.querySelector<HTMLElement>('input, select')?.focus()
    return () => {
      // the browser reports a close later, when the same question may already be open again
      left.current = true
      element?.close()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      class={wide ? 'dialog dialog-wide' : 'dialog'}
      aria-labelledby={titleId}
      onClose={() => left.current || onClose()}
    >
      <header class="dialog-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
          ×
        </button>
      </header>
      {children}
      <Toasts />
    </dialog>
  )
}

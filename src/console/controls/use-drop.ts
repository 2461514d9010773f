/** Files may be dropped anywhere on a screen that has a place for them: people miss the place. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'

/**
 * Whether files that can be dropped are dragged over the page. Pictures of the page itself are not taken, nor is anything
 * while a dialog is open.
 * @param take undefined: nothing is taken
 */
export function useDrop(take: ((dropped: DataTransfer) => void) | undefined): boolean {
  const [over, setOver] = useState(false)
  const latest = useRef(take)
  useLayoutEffect(() => {
    latest.current = take
  })
  useEffect(() => {
    let isOfPage = false
    const accepts = ({ dataTransfer }: DragEvent) =>
      !isOfPage &&
      latest.current !== undefined &&
      dataTransfer?.types.includes('Files') === true &&
      document.querySelector('dialog[open]') === null
    const leaving = new AbortController()
    // before what refuses files elsewhere, which listens at the window
    const on = <Type extends keyof DocumentEventMap>(type: Type, act: (event: DocumentEventMap[Type]) => void) =>
      document.addEventListener(type, act, { signal: leaving.signal })
    on('dragstart', () => {
      isOfPage = true
    })
    on('dragend', () => {
      isOfPage = false
    })
    on('dragover', (event) => {
      if (!accepts(event)) return
      event.preventDefault()
      setOver(true)
    })
    on('dragleave', ({ relatedTarget }) => relatedTarget === null && setOver(false))
    on('drop', (event) => {
      setOver(false)
      if (!accepts(event)) return
      event.preventDefault()
      latest.current?.(event.dataTransfer!)
    })
    return () => leaving.abort()
  }, [])
  return over
}

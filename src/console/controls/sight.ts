/** What is in sight on the page, or near it. */

export interface SightOptions {
  /** How far around the window still counts, as in CSS. */
  margin: string
  /** Called at first, and whenever it changes. */
  onChange: (isInSight: boolean) => void
}

/** @returns ends it */
export function watchSight(element: Element | null, { margin, onChange }: SightOptions): () => void {
  if (element === null) return () => undefined
  const observer = new IntersectionObserver(
    // of several at once, from a page that was busy, the last one is how it is now
    (entries) => onChange(entries.at(-1)!.isIntersecting),
    { rootMargin: margin },
  )
  observer.observe(element)
  return () => observer.disconnect()
}

/**
 * Keeps the focus in its place when the element that had it goes: browsers drop it, and a screen reader would start
 * over at the top of the page.
 */

/** Until then whatever took its place may have taken the focus. */
const waitMs = 100
/** What can be read on its own. */
const places = 'li, tr, form, figure, fieldset:not(.needs), section, aside, article, dialog, main'

export function keepFocus(): void {
  let had: Element | undefined
  let timer: ReturnType<typeof setTimeout>
  addEventListener('focusin', ({ target }) => {
    had = target as Element
  })
  new MutationObserver((records) => {
    if (had === undefined || had.isConnected) return
    const gone = had
    had = undefined
    const removal = records.find(
      ({ target, removedNodes }) => target.isConnected && [...removedNodes].some((node) => node.contains(gone)),
    )
    if (removal === undefined) return
    clearTimeout(timer)
    timer = setTimeout(() => document.activeElement === document.body && focusNear(removal), waitMs)
  }).observe(document.body, { childList: true, subtree: true })
}

/** The next item of a list, or the one before; otherwise what is around. */
function focusNear({ target, nextSibling, previousSibling }: MutationRecord): void {
  const besides = [nextSibling, previousSibling].filter((one) => one instanceof HTMLLIElement && one.isConnected)
  const place = besides[0] ?? (target as Element).closest(places) ?? document.getElementById('main')
  if (place instanceof HTMLElement) focusOnce(place)
}

/** Also what the Tab key does not lead to. */
function focusOnce(place: HTMLElement): void {
  if (!place.hasAttribute('tabindex')) {
    place.tabIndex = -1
    place.addEventListener('blur', () => place.removeAttribute('tabindex'), { once: true })
  }
  place.focus({ preventScroll: true })
}

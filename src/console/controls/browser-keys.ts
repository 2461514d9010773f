/** Keys that the page leaves to the browser. */

/** With a modifier an arrow goes back, and plus zooms the page. */
export function isForBrowser({ altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
  return altKey || ctrlKey || metaKey
}

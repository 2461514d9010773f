/** Dates in words, in the language of the page: `11/12/2026` is another day to other readers. Pure. */

/** Such as `30 Nov 2026`. @param date as the service tells it */
export function dateText(date: string): string {
  return new Date(date).toLocaleDateString('en-GB', { dateStyle: 'medium' })
}

/** Such as `30 Nov 2026, 14:05`. @param date as the service tells it */
export function momentText(date: string): string {
  return new Date(date).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
}

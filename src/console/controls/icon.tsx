/** Signs for buttons that come often, each beside its word: which of the two is seen depends on the room there is. */

/** Lines on a square of 16. */
const lines = {
  like: 'M8 3v10M3 8h10',
  unlike: 'M3 8h10',
  why: 'M5.5 6a2.5 2.5 0 1 1 3.7 2.2C8.4 8.7 8 9.1 8 10M8 12.9v.1',
  right: 'M3 8.5l3.5 3.5L13 4.5',
  wrong: 'M4 4l8 8M12 4l-8 8',
} as const

export function Icon({ name }: { name: keyof typeof lines }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={lines[name]} />
    </svg>
  )
}

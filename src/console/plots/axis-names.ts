/** Names on an axis, turned by 45 degrees. Pure. */

/** Characters. */
const nameMax = 14
/** Pixels to the right for each character: its width of about 7, turned. */
const stride = 5

export function shortened(name: string): string {
  return name.length > nameMax ? `${name.slice(0, nameMax - 1)}…` : name
}

/** Room beside the plot for the end of the last name, in pixels. */
export function roomForNames(names: readonly string[]): number {
  return stride * Math.max(6, ...names.map((name) => shortened(name).length))
}

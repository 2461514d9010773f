/** Markdown helpers: numbers and tables. */

/** A share with three digits; `–` if unknown. */
export function share(value: number | null | undefined): string {
  return value === null || value === undefined || Number.isNaN(value) ? '–' : value.toFixed(3)
}

/** A count or duration with few digits; `–` if unknown. */
export function quantity(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits)
}

/** `0.512 (0.490–0.534)`: the value and its interval. */
export function withInterval(
  value: string,
  interval: readonly [number, number] | null | undefined,
  digits = 3,
): string {
  return interval ? `${value} (${interval[0].toFixed(digits)}–${interval[1].toFixed(digits)})` : value
}

/** Text of others, such as a label, in which `<b>` or `_x_` is no markup; `table` takes care of `|`. */
export function plain(text: string): string {
  // an underscore within a word is none
  const marked = text.replace(/[\\`*[\]<>&~]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\$&')
  return marked.replace(/\s+/g, ' ')
}

/** The first column is text, the others are numbers. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(header), line(header.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}

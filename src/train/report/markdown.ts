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

/** The first column is text, the others are numbers. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(header), line(header.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}

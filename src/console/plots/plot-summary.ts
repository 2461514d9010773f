/** A plot in words, for screen readers. Pure. */

export interface PlotSeries {
  label: string
  values: (number | null)[]
  /** Confidence interval of each value, drawn as a whisker. */
  intervals?: (readonly [low: number, high: number] | null)[] | undefined
  /** Bars for categories, lines for time series. */
  as: 'line' | 'bars' | 'points'
}

/** Seconds since 1970, or indices of named categories. */
export type PlotAxis =
  | { kind: 'time' }
  | { kind: 'names'; names: string[] }
  | { kind: 'numbers'; label: string; log?: boolean }

interface Plotted {
  title: string
  series: readonly PlotSeries[]
  axis: PlotAxis
}

/** The value of each name; of what changes with time or another number, the last. */
export function plotSummary({ title, series, axis }: Plotted): string {
  const valuesOf = ({ values, intervals }: PlotSeries) =>
    axis.kind === 'names'
      ? axis.names.map((name, place) => `${name} ${text(values[place])}${intervalText(intervals?.[place])}`).join(', ')
      : text(values.at(-1))
  return `${title}: ${series.map((one) => `${one.label} ${valuesOf(one)}`).join('; ')}`
}

function intervalText(interval: readonly [number, number] | null | undefined): string {
  return interval ? ` (${text(interval[0])} to ${text(interval[1])})` : ''
}

function text(value: number | null | undefined): string {
  return value?.toPrecision(3) ?? 'unknown'
}

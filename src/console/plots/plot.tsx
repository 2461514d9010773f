/** A uPlot chart in the page's colours that fills the available width. */
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import '../styles/plots.css'
import { shownTheme } from '../controls/theme.js'
import { roomForNames, shortened } from './axis-names.js'
import { type PlotAxis, type PlotSeries, plotSummary } from './plot-summary.js'

export interface PlotProps {
  /** Describes the plot for screen readers. */
  title: string
  x: number[]
  series: PlotSeries[]
  axis: PlotAxis
  height?: number
  /** Range of the values; default: automatic. */
  range?: [number, number] | undefined
}

export function Plot({ title, x, series, axis, height = 170, range }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(null)
  const data = [x, ...series.map(({ values }) => values)] as uPlot.AlignedData
  const shape = JSON.stringify([series.map(({ label, as }) => [label, as]), axis, height, range, shownTheme.value])

  useEffect(() => {
    const element = frame.current!
    const made = new uPlot(optionsOf({ title, x, series, axis, height, range }, element), data, element)
    plot.current = made
    const observer = new ResizeObserver(() => {
      // its height follows from that of the plot
      if (element.clientWidth === made.width) return
      made.setSize({ width: element.clientWidth, height })
      showLatest(made)
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [shape])
  useEffect(() => {
    plot.current?.setData(data)
    if (plot.current) showLatest(plot.current)
  })

  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <div ref={frame} role="img" aria-label={plotSummary({ title, series, axis })} />
    </figure>
  )
}

/** Without a hovered point, the legend shows the latest value. */
function showLatest(plot: uPlot): void {
  const { length } = plot.data[0]
  if (length > 0) plot.setLegend({ idx: length - 1 })
}

function optionsOf({ series, axis, height, range }: PlotProps, element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(name)
  const lines = {
    stroke: colour('--plot-ink'),
    grid: { stroke: colour('--plot-line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: element.clientWidth,
    height: height ?? 170,
    cursor: { y: false },
    legend: { live: axis.kind !== 'names' },
    scales: {
      x: {
        time: axis.kind === 'time',
        ...(axis.kind === 'numbers' && axis.log && { distr: 3 as const }),
        ...(axis.kind === 'names' && { range: [-0.6, axis.names.length - 0.4] as [number, number] }),
      },
      y:
        range === undefined
          ? { range: (_, _low, high) => [0, Math.max(axis.kind === 'time' ? 1 : 1e-6, high * 1.1)] }
          : { range },
    },
    axes: [
      {
        ...lines,
        ...(axis.kind === 'names' && {
          splits: axis.names.map((_, place) => place),
          values: axis.names.map(shortened),
          rotate: -45,
          size: 74,
        }),
        ...(axis.kind === 'numbers' && { label: axis.label, labelSize: 20 }),
        ...(axis.kind === 'time' && { incrs: timeSteps, space: 90, values: (_, times) => times.map(clock) }),
      },
      { ...lines, size: 52 },
    ],
    hooks: { draw: [(plot) => drawIntervals(plot, series, colour('--plot-ink'))] },
    padding: [null, roomAtEnd(axis), null, null],
    series: [firstOf(axis), ...series.map(({ label, as }, place) => lineOf(label, as, colour(`--plot-${place + 1}`)))],
  }
}

/** From the low end of each interval to its high end, with a short line at both. */
function drawIntervals({ ctx, data: [places], valToPos }: uPlot, series: readonly PlotSeries[], colour: string): void {
  const half = 4 * devicePixelRatio
  ctx.save()
  ctx.strokeStyle = colour
  ctx.lineWidth = 1.5 * devicePixelRatio
  ctx.beginPath()
  for (const { intervals = [] } of series)
    intervals.forEach((interval, index) => {
      if (interval === null) return
      const x = valToPos(places[index]!, 'x', true)
      const [low, high] = interval.map((value) => valToPos(value, 'y', true)) as [number, number]
      ctx.moveTo(x, low)
      ctx.lineTo(x, high)
      for (const end of [low, high]) {
        ctx.moveTo(x - half, end)
        ctx.lineTo(x + half, end)
      }
    })
  ctx.stroke()
  ctx.restore()
}

/** For the last text below the plot; null: as for a number. */
function roomAtEnd(axis: PlotAxis): number | null {
  if (axis.kind === 'names') return roomForNames(axis.names)
  return axis.kind === 'time' ? 32 : null
}

/** Seconds; readings come every two. */
const timeSteps = [5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200]

function clock(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleTimeString('en-GB')
}

/** What the legend says of the place on the axis. */
function firstOf(axis: PlotAxis): uPlot.Series {
  if (axis.kind === 'time') return { label: 'time', value: (_, seconds) => (seconds == null ? '–' : clock(seconds)) }
  return axis.kind === 'numbers' ? { label: axis.label } : {}
}

function lineOf(label: string, as: PlotSeries['as'], colour: string): uPlot.Series {
  const value = (_: uPlot, number: number | null | undefined) =>
    number == null ? '–' : Number(number.toPrecision(3)).toLocaleString('en')
  if (as === 'bars')
    return {
      label,
      value,
      fill: colour,
      stroke: colour,
      paths: uPlot.paths.bars!({ size: [0.7, 60] }),
      points: { show: false },
    }
  if (as === 'points')
    return { label, value, stroke: colour, paths: () => null, points: { show: true, size: 7, fill: colour } }
  return { label, value, stroke: colour, width: 2, points: { show: false } }
}

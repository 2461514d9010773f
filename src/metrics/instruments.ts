/** Counters defined by a table, and gauges that read their source at each scrape. */
import { Counter, Gauge, type Registry } from 'prom-client'

/** Name, help, and label values; null if not known in advance. */
type CounterRow = readonly [name: string, help: string, labels?: Readonly<Record<string, readonly string[] | null>>]

type LabelsOf<Row> = Row extends readonly [string, string, infer Labels] ? keyof Labels & string : never

/**
 * If the values of a label are known, its series exist from the start, so that a rate over them is 0 instead of
 * missing.
 */
export function counters<const Table extends Readonly<Record<string, CounterRow>>>(
  registry: Registry,
  table: Table,
): { [Key in keyof Table]: Counter<LabelsOf<Table[Key]>> } {
  const made = Object.entries<CounterRow>(table).map(([key, [name, help, labels = {}]]) => {
    const counter = new Counter({ name, help, labelNames: Object.keys(labels), registers: [registry] })
    for (const series of seriesOf(labels)) counter.inc(series, 0)
    return [key, counter]
  })
  return Object.fromEntries(made)
}

/** All combinations of label values; none if some are unknown, or if there are no labels. */
function seriesOf(labels: Readonly<Record<string, readonly string[] | null>>): Record<string, string>[] {
  const entries = Object.entries(labels)
  if (entries.length === 0) return []
  return entries.reduce<Record<string, string>[]>(
    (series, [label, values]) => series.flatMap((one) => (values ?? []).map((value) => ({ ...one, [label]: value }))),
    [{}],
  )
}

interface Reading<Label extends string> {
  name: string
  help: string
  labels: readonly Label[]
  /** Sets the readings and drops those of the previous scrape. */
  read(set: (labels: Record<Label, string>, value: number) => void): void | Promise<void>
}

/** A gauge of what exists at each scrape: series of removed things disappear. */
export function readingGauge<Label extends string>(
  registry: Registry,
  { name, help, labels, read }: Reading<Label>,
): void {
  new Gauge({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    async collect() {
      const seen: [Record<Label, string>, number][] = []
      await read((of, value) => seen.push([of, value]))
      this.reset()
      if (labels.length === 0 && seen.length === 0) this.remove() // it would be 0
      for (const [of, value] of seen) this.set(of, value)
    },
  })
}

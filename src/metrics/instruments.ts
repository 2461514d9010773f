/** Counters as rows of a table, and gauges that ask their source at each scrape. */
import { Counter, Gauge, type Registry } from 'prom-client'

/** Name, help, and the values of its labels; null: not known beforehand. */
type CounterRow = readonly [name: string, help: string, labels?: Readonly<Record<string, readonly string[] | null>>]

type LabelsOf<Row> = Row extends readonly [string, string, infer Labels] ? keyof Labels & string : never

/** Where the values of a label are known its series exist from the start, so that a rate over them is 0 and not missing. */
export function counters<const Table extends Readonly<Record<string, CounterRow>>>(
  registry: Registry,
  table: Table,
): { [Key in keyof Table]: Counter<LabelsOf<Table[Key]>> } {
  const made = Object.entries<CounterRow>(table).map(([key, [name, help, labels = {}]]) => {
    const counter = new Counter({ name, help, labelNames: Object.keys(labels), registers: [registry] })
    for (const [label, values] of Object.entries(labels))
      for (const value of values ?? []) counter.inc({ [label]: value }, 0)
    return [key, counter]
  })
  return Object.fromEntries(made)
}

interface Reading<Label extends string> {
  name: string
  help: string
  labels: readonly Label[]
  /** Sets what is read; what was set at the scrape before is gone. */
  read(set: (labels: Record<Label, string>, value: number) => void): void | Promise<void>
}

/** A gauge of what is there at each scrape: what is there no more is not told any more. */
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

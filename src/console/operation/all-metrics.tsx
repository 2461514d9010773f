/** Every value of `/metrics`, with its meaning. */
import type { MetricsReading } from './metrics-text.js'

export function AllMetrics({ metrics }: { metrics: MetricsReading }) {
  const rows = [...metrics].filter(([name]) => name.startsWith('alike_') && !name.endsWith('_bucket'))
  return (
    <details>
      <summary>All metrics</summary>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col">Value</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {rows.flatMap(([name, { help, samples }]) =>
            samples.map(({ labels, value }) => (
              <tr key={name + JSON.stringify(labels)}>
                <th scope="row">
                  {name} <bdi class="hint">{Object.values(labels).join(' ')}</bdi>
                </th>
                <td>{Number(value.toPrecision(6)).toLocaleString('en')}</td>
                <td class="hint">{help}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </details>
  )
}

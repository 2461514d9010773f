/** Which labels are confused with which, by majority vote of ten hits. */
import type { Schemas } from '../api/service.js'
import { confusionSquare } from './confusion.js'

const labelsMax = 16

export function ConfusionTable({ quality }: { quality: Schemas['Evaluation']['quality'] }) {
  const qualities = quality.perLabel.map(({ label, queries, ...numbers }) => ({
    label,
    queries,
    right: Math.round(Number((numbers as Record<string, unknown>)['knnAccuracy'] ?? 0) * queries),
  }))
  const { labels, shares, counts } = confusionSquare(quality.confusions ?? [], qualities, labelsMax)
  if (labels.length === 0) return <p class="hint">No labels are confused.</p>
  return (
    <section class="stack" aria-label="Confused labels">
      <h2>Confused labels</h2>
      <p class="hint">Rows: actual label; columns: vote of the ten best hits</p>
      <div class="confusion-frame">
        <table class="confusion" aria-label="Confused labels">
          <thead>
            <tr>
              <td />
              {labels.map((label) => (
                <th key={label} scope="col" title={label}>
                  <bdi>{label}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {labels.map((label, row) => (
              <tr key={label}>
                <th scope="row" title={label}>
                  <bdi>{label}</bdi>
                </th>
                {labels.map((voted, column) => {
                  const share = shares[row]![column]!
                  return (
                    <td key={voted} class={row === column ? 'right' : 'wrong'} style={{ '--share': share.toFixed(3) }}>
                      {counts[row]![column] || ''}
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

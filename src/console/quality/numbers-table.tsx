/** The numbers of an evaluation, each with the interval that it lies in. */
import type { Schemas } from '../api/service.js'

const meanings: [name: string, meaning: string][] = [
  ['recall@1', 'the first answer is right'],
  ['recall@5', 'one of the first five is right'],
  ['recall@10', 'one of the first ten is right'],
  ['mAP@10', 'precision of the first ten answers'],
  ['mAP@50', 'precision of the first fifty'],
  ['mAP@R', 'precision of as many answers as there are right ones'],
  ['mrr', 'one over the rank of the first right answer'],
  ['knnAccuracy', 'ten answers vote for the right label'],
]

export function NumbersTable({ quality: { overall, intervals } }: { quality: Schemas['Evaluation']['quality'] }) {
  return (
    <table class="table">
      <caption>Overall, with 95 % intervals</caption>
      <thead>
        <tr>
          <th scope="col">Number</th>
          <th scope="col">Value</th>
          <th scope="col">Interval</th>
          <th scope="col" class="meaning">
            Meaning
          </th>
        </tr>
      </thead>
      <tbody>
        {meanings.map(([name, meaning]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{overall[name]?.toFixed(3) ?? '–'}</td>
            <td>
              <Interval value={overall[name] ?? null} interval={intervals[name]} />
            </td>
            <td class="hint meaning">{meaning}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** A bar from 0 to 1 with the interval on it, and a mark at the value. */
function Interval({ value, interval }: { value: number | null; interval: number[] | undefined }) {
  const [low, high] = interval ?? []
  if (value === null || low === undefined || high === undefined) return <>–</>
  return (
    <span class="interval" role="img" aria-label={`${low.toFixed(3)} to ${high.toFixed(3)}`}>
      <span class="interval-track">
        <span class="interval-range" style={{ left: `${low * 100}%`, width: `${(high - low) * 100}%` }} />
        <span class="interval-mark" style={{ left: `${value * 100}%` }} />
      </span>
      <span class="hint mono">
        {low.toFixed(3)}–{high.toFixed(3)}
      </span>
    </span>
  )
}

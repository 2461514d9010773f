/** The numbers of an evaluation, each with its confidence interval. */
import type { Schemas } from '../api/service.js'
import { Interval } from './interval.js'
import { numberName } from './number-names.js'

const meanings: [name: string, meaning: string][] = [
  ['recall@1', 'the first answer is right'],
  ['recall@5', 'one of the first five is right'],
  ['recall@10', 'one of the first ten is right'],
  ['mAP@10', 'precision of the first ten answers'],
  ['mAP@50', 'precision of the first fifty'],
  ['mAP@R', 'precision of as many answers as there are right ones'],
  ['mrr', 'one over the rank of the first right answer'],
  ['knnAccuracy', 'the ten nearest vote for the right label'],
]

export function NumbersTable({
  quality: { overall, intervals, queries },
}: {
  quality: Schemas['Evaluation']['quality']
}) {
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
            <th scope="row">{numberName(name)}</th>
            <td>{overall[name]?.toFixed(3) ?? '–'}</td>
            <td>
              <Interval value={overall[name] ?? null} interval={intervals[name]} queries={queries} />
            </td>
            <td class="hint meaning">{meaning}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** The quality of results according to human judgements. */
import type { Schemas } from '../api/service.js'
import { Interval } from './interval.js'

type Judged = NonNullable<Schemas['Evaluation']['quality']['judged']>

const meanings = [
  ['ndcg@10', 'hits judged right come before those judged wrong'],
  ['precision@10', 'of the first ten, those judged right among the judged'],
  ['judged@10', 'of the first ten, those that somebody judged'],
] as const

export function JudgedTable({ judged }: { judged: Judged }) {
  const { judgements, queries, hits } = judged
  return (
    <table class="table">
      <caption>
        As people judged: {hits.toLocaleString('en')} hits of {queries.toLocaleString('en')}{' '}
        {queries === 1 ? 'query' : 'queries'}, from {judgements.toLocaleString('en')} judgements
      </caption>
      <thead>
        <tr>
          <th scope="col">Number</th>
          <th scope="col">Value</th>
          <th scope="col">Interval</th>
          <th scope="col" class="meaning">
            Queries
          </th>
          <th scope="col" class="meaning">
            Meaning
          </th>
        </tr>
      </thead>
      <tbody>
        {meanings.map(([name, meaning]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{judged[name].mean?.toFixed(3) ?? '–'}</td>
            <td>
              <Interval value={judged[name].mean} interval={judged[name].interval} queries={judged[name].queries} />
            </td>
            <td class="meaning">{judged[name].queries.toLocaleString('en')}</td>
            <td class="hint meaning">{meaning}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

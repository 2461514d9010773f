/** What the numbers and buttons of hits mean, for those who ask. */
import { may } from '../api/caller.js'
import { Icon } from '../controls/icon.js'
import type { SearchAnswer } from './use-search.js'

interface NumberMeaningsProps {
  answer: SearchAnswer
  isExpanded: boolean
}

export function NumberMeanings({ answer: { vote, calibration }, isExpanded }: NumberMeaningsProps) {
  return (
    <details class="hint">
      <summary>What the numbers and buttons mean</summary>
      <ul>
        <li>
          Bold: the score, a cosine similarity{isExpanded && ' to the expanded query'}. Higher is more similar, 1 is the
          most.
        </li>
        {calibration !== undefined && (
          <li>
            Bar: the probability that query and hit have the same label, if they are like the pictures the network was
            trained on. For others it is a guess.
          </li>
        )}
        {vote !== undefined && <li>Votes: each of the best hits votes for its own label.</li>}
        <li>exact: every picture was compared; hnsw: the index was used.</li>
        <li>
          <Icon name="like" /> <Icon name="unlike" /> Like, Unlike: search again, for pictures more or less like this
          one.
        </li>
        <li>
          <Icon name="why" /> Why: where in the pictures the score comes from, and how far to trust it.
        </li>
        {may('write') && (
          <li>
            <Icon name="right" /> <Icon name="wrong" /> Right, Wrong: judge the hit. Judgements are stored, count in
            Quality, and can train the next network.
          </li>
        )}
      </ul>
    </details>
  )
}

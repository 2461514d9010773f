/** The model card as a page of its own; fetched with the key, because a plain link cannot carry one. */
import { apiKey } from '../api/key.js'

export function ModelPage({ model }: { model: string }) {
  if (apiKey.value !== '') return null
  return (
    <a class="button quiet" href={`./v1/models/${model}/card`} target="_blank" rel="noreferrer">
      Model card
    </a>
  )
}

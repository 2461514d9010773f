/** The model card as a page of its own; it is fetched with the key, so it cannot be a plain link where keys are asked for. */
import { apiKey } from '../api/key.js'

export function ModelPage({ model }: { model: string }) {
  if (apiKey.value !== '') return null
  return (
    <a class="button quiet" href={`./v1/models/${model}/card`} target="_blank" rel="noreferrer">
      Model card
    </a>
  )
}

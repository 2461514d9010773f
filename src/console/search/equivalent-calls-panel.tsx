/** Shows the current search as an API call to copy. */
import { apiKey } from '../api/key.js'
import { serviceBase } from '../api/service.js'
import { say } from '../controls/toasts.js'
import { curlCall, typescriptCall } from './equivalent-calls.js'
import { imageOf } from './given-images.js'
import { parametersOf } from './search-parameters.js'
import type { SearchQuery } from './search-query.js'

export function EquivalentCalls({ gallery, query }: { gallery: string; query: SearchQuery }) {
  const call = {
    base: serviceBase.href,
    gallery,
    parameters: parametersOf(query),
    fileName: query.picture === undefined ? undefined : (imageOf(query.picture)?.name ?? 'picture.jpg'),
    withKey: apiKey.value !== '',
  }
  return (
    <div class="calls">
      <Code title="curl" text={curlCall(call)} />
      <Code title="TypeScript" text={typescriptCall(call)} />
    </div>
  )
}

function Code({ title, text }: { title: string; text: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      say(`${title} call copied.`)
    } catch {
      say('The browser does not allow copying: select the text instead.')
    }
  }
  return (
    <section class="code" aria-label={`As ${title}`}>
      <header>
        <h2>{title}</h2>
        <button type="button" class="quiet" onClick={copy}>
          Copy
        </button>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard */}
      <pre tabIndex={0}>{text}</pre>
    </section>
  )
}

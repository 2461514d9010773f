/** The available networks and their quality, and two galleries' results for one picture side by side. */
import { listModels } from '../api/models.js'
import { answerOf, service } from '../api/service.js'
import { Needs } from '../controls/needs.js'
import { Fault } from '../controls/notice.js'
import { useLoaded } from '../controls/use-loaded.js'
import { NetworkCard } from './network-card.js'
import { SetsPanel } from './sets-panel.js'
import { SideBySide } from './side-by-side.js'
import '../styles/operation.css'
import '../styles/networks.css'

export function NetworksScreen({ gallery }: { gallery: string }) {
  const { value: cards = [], error, reload } = useLoaded(loadCards, [])
  return (
    <div class="stack">
      <h1>Networks</h1>
      {error !== undefined && <Fault error={error} onAgain={reload} />}
      {gallery !== '' && cards.length > 0 && <SetsPanel key={gallery} gallery={gallery} models={cards} />}
      <Needs to="search" otherwise="nothing">
        <SideBySide gallery={gallery} models={cards} />
      </Needs>
      {cards.map((card) => (
        <NetworkCard key={card.id} card={card} />
      ))}
    </div>
  )
}

async function loadCards(signal: AbortSignal) {
  const models = await listModels(signal)
  return Promise.all(
    models.map(({ id }) => answerOf(service.GET('/v1/models/{model}', { params: { path: { model: id } }, signal }))),
  )
}

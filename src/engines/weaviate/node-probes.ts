/** Which nodes respond. The server's own report waits for a node that is cut off, for half a minute: those whose addresses are known are asked. */
import type { Sighting } from './node-sightings.js'
import { RestRequests } from './rest-requests.js'
import type { NodeReport } from './synchronous-indexing.js'
import type { WeaviateServer } from './weaviate-server.js'

const respondWithinMs = 2_000

/** By host; by name behind a load balancer, or if there is one node. @throws AlikeError `engine_unreachable` */
export async function sightNodes(server: WeaviateServer): Promise<Map<string, Sighting>> {
  const places = await server.places()
  if (places.length === 1) return sightingsOf(await server.nodes())
  const { apiKey } = server.settings
  const probe = async (url: string): Promise<[string, Sighting]> => {
    const base = new URL(url)
    const rest = new RestRequests(base, apiKey)
    // not its readiness: that falters under load
    const isHere = rest.ask('v1/meta', { timeoutMs: respondWithinMs }).then(
      () => true,
      () => false,
    )
    const sighting = (await isHere) ? 'here' : 'away'
    rest.close()
    return [base.hostname, sighting]
  }
  return new Map(await Promise.all(places.map(({ url }) => probe(url))))
}

/** A node that responds is there, whatever its health. */
function sightingsOf(nodes: readonly NodeReport[]): Map<string, Sighting> {
  const sightings = { UNAVAILABLE: 'away', TIMEOUT: 'unknown' } as const
  return new Map(
    nodes.map(({ name = '', status = '' }) => [name, sightings[status as keyof typeof sightings] ?? 'here']),
  )
}

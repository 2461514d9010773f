/** Which nodes respond. The server's own report waits for a node that is cut off, for half a minute: those whose addresses are known are asked. */
import type { Sighting } from './node-sightings.js'
import { RestRequests } from './rest-requests.js'
import type { NodeReport } from './synchronous-indexing.js'
import type { WeaviateServer } from './weaviate-server.js'

const respondWithinMs = 2_000

export interface SeenNodes {
  /** By host; by name behind a load balancer, or if there is one node. */
  seen: Map<string, Sighting>
  /** Of a server that is a single node: changes with each of its starts. Undefined if the API key may not ask. */
  term?: number | undefined
}

/** @throws AlikeError `engine_unreachable` */
export async function sightNodes(server: WeaviateServer): Promise<SeenNodes> {
  const places = await server.places()
  if (places.length === 1) {
    const seen = sightingsOf(await server.nodes())
    return { seen, term: seen.size === 1 ? await server.soleTerm().catch(() => undefined) : undefined }
  }
  const { apiKey } = server.settings
  const probes = await Promise.all(places.map(({ url }) => probe(new URL(url), apiKey)))
  const here = probes.filter(({ isHere }) => isHere).length
  const most = Math.max(...probes.map(({ counted = 0 }) => counted))
  const seen = new Map<string, Sighting>(
    // one that counts fewer nodes than another is left out of their writes, although it responds
    probes.map(({ host, isHere, counted = most }) => [
      host,
      isHere && counted >= Math.min(here, most) ? 'here' : 'away',
    ]),
  )
  return { seen }
}

interface Probe {
  host: string
  isHere: boolean
  /** How many nodes it counts, itself included; undefined while one of them does not respond. */
  counted: number | undefined
}

async function probe(base: URL, apiKey: string): Promise<Probe> {
  const rest = new RestRequests(base, apiKey)
  const within = { timeoutMs: respondWithinMs }
  const [isHere, counted] = await Promise.all([
    // not its readiness: that falters under load
    rest.ask('v1/meta', within).then(
      () => true,
      () => false,
    ),
    rest.ask<{ nodes?: NodeReport[] }>('v1/nodes', within).then(
      ({ nodes }) => nodes?.length,
      () => undefined,
    ),
  ])
  rest.close()
  return { host: base.hostname, isHere, counted }
}

/** A node that responds is there, whatever its health. */
function sightingsOf(nodes: readonly NodeReport[]): Map<string, Sighting> {
  const sightings = { UNAVAILABLE: 'away', TIMEOUT: 'unknown' } as const
  return new Map(
    nodes.map(({ name = '', status = '' }) => [name, sightings[status as keyof typeof sightings] ?? 'here']),
  )
}

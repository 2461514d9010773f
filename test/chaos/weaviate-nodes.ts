/**
 * Nodes of one Weaviate cluster, configured as in docker/compose.scale.yaml. A single one needs no separate network.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/free-ports.js'
import { folderOfProcess } from '../support/temporary-folder.js'
import { startTied, type TiedProcess } from '../support/tied-process.js'
import { until } from '../support/until.js'
import { weaviateBinary } from '../support/weaviate-server.js'
import { addressOf, cutOff, isolateFrom, joinAgain, makeNetwork, onMachine, rejoinWith } from './own-network.js'

export interface WeaviateNode {
  /** Of its REST interface, at its own address. */
  url: string
  grpcAddress: string
  start(): Promise<void>
  kill(): Promise<void>
}

export interface WeaviateNodes {
  /** Settings for services. */
  environment: { WEAVIATE_URL: string; WEAVIATE_GRPC: string; WEAVIATE_SHARDS: string; WEAVIATE_REPLICAS: string }
  nodes: WeaviateNode[]
  cut(node: WeaviateNode): void
  mend(node: WeaviateNode): void
  /** From the other nodes only. */
  isolate(node: WeaviateNode): void
  rejoin(node: WeaviateNode): void
}

const name = 'weaviate'
const [rest, grpc, gossip, data] = [8080, 50_051, 7_100, 7_101]

const common = {
  AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED: 'true',
  DISABLE_TELEMETRY: 'true',
  ASYNC_INDEXING: 'false',
  DISK_USE_READONLY_PERCENTAGE: '99',
  LOG_LEVEL: 'warning',
}

/** @param count one, or three in a separate network @param more of the environment of each */
export async function startNodes(count: number, more: Record<string, string> = {}): Promise<WeaviateNodes> {
  const folder = process.env.CHAOS_LOGS ?? (await folderOfProcess('alike-nodes-'))
  await mkdir(folder, { recursive: true })
  const nodes = count === 1 ? [await aloneNode(folder)] : await joinedNodes(count, folder, more)
  for (const node of nodes) await node.start()
  await until(() => isWhole(nodes), 'a cluster of all nodes')
  const { url, grpcAddress } = nodes[0]!
  const machineOf = (node: WeaviateNode) => nodes.indexOf(node) + 1
  const copies = String(count)
  return {
    environment: {
      WEAVIATE_URL: count === 1 ? url : `http://${name}:${rest}`,
      WEAVIATE_GRPC: count === 1 ? grpcAddress : `${name}:${grpc}`,
      WEAVIATE_SHARDS: copies,
      WEAVIATE_REPLICAS: copies,
    },
    nodes,
    cut: (node) => cutOff(machineOf(node)),
    mend: (node) => joinAgain(machineOf(node)),
    isolate: (node) => isolateFrom(machineOf(node), nodes.filter((other) => other !== node).map(machineOf)),
    rejoin: (node) => rejoinWith(machineOf(node), nodes.filter((other) => other !== node).map(machineOf)),
  }
}

async function joinedNodes(count: number, folder: string, more: Record<string, string>): Promise<WeaviateNode[]> {
  await makeNetwork(count, name)
  const names = Array.from({ length: count }, (_, i) => `${name}-${i}`)
  return Promise.all(
    names.map(async (hostname, i) => {
      const own = {
        CLUSTER_HOSTNAME: hostname,
        CLUSTER_JOIN: names.map((_, other) => `${addressOf(other + 1)}:${gossip}`).join(','),
        CLUSTER_GOSSIP_BIND_PORT: String(gossip),
        CLUSTER_DATA_BIND_PORT: String(data),
        RAFT_JOIN: names.join(','),
        RAFT_BOOTSTRAP_EXPECT: String(count),
        GRPC_PORT: String(grpc),
        ...more,
      }
      const host = addressOf(i + 1)
      return node({ folder, hostname, before: onMachine(i + 1), host, rest, grpc, environment: own })
    }),
  )
}

async function aloneNode(folder: string): Promise<WeaviateNode> {
  const ports = (await freePorts(7)) as [number, number, ...number[]]
  const [own, ownGrpc, ownGossip, ownData, raft, raftRpc, pprof] = ports
  const environment = {
    CLUSTER_HOSTNAME: 'node0',
    CLUSTER_ADVERTISE_ADDR: '127.0.0.1',
    CLUSTER_GOSSIP_BIND_PORT: String(ownGossip),
    CLUSTER_DATA_BIND_PORT: String(ownData),
    RAFT_PORT: String(raft),
    RAFT_INTERNAL_RPC_PORT: String(raftRpc),
    RAFT_BOOTSTRAP_EXPECT: '1',
    GO_PROFILING_PORT: String(pprof),
    GRPC_PORT: String(ownGrpc),
  }
  return node({ folder, hostname: 'node0', before: [], host: '127.0.0.1', rest: own, grpc: ownGrpc, environment })
}

interface NodeOptions {
  folder: string
  hostname: string
  /** Of the command. */
  before: string[]
  host: string
  rest: number
  grpc: number
  environment: Record<string, string>
}

async function node(options: NodeOptions): Promise<WeaviateNode> {
  const { folder, hostname, before, host, environment } = options
  const PERSISTENCE_DATA_PATH = await folderOfProcess(`alike-${hostname}-`)
  let server: TiedProcess | undefined
  let starts = 0
  return {
    url: `http://${host}:${options.rest}`,
    grpcAddress: `${host}:${options.grpc}`,
    async start() {
      const command = [...before, weaviateBinary!, '--host', host, '--port', String(options.rest), '--scheme', 'http']
      server = await startTied(command, {
        env: { PATH: process.env.PATH, ...common, PERSISTENCE_DATA_PATH, ...environment },
        log: join(folder, `${hostname}-${starts++}.log`),
      })
    },
    kill: async () => server?.kill(),
  }
}

interface NodesAnswer {
  nodes: { status: string; shards?: { class: string; name: string; objectCount: number }[] | null }[]
}

async function nodesSeenBy({ url }: WeaviateNode, query = ''): Promise<NodesAnswer['nodes'] | undefined> {
  const answer = await fetch(`${url}/v1/nodes${query}`, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined)
  return answer?.ok ? ((await answer.json()) as NodesAnswer).nodes : undefined
}

/** Every node sees all of them as healthy. */
async function isWhole(nodes: readonly WeaviateNode[]): Promise<boolean> {
  for (const one of nodes) {
    const seen = await nodesSeenBy(one)
    if (seen?.length !== nodes.length || seen.some(({ status }) => status !== 'HEALTHY')) return false
  }
  return true
}

/** Whether every node is known to miss nothing that was stored before `at`, in milliseconds since 1970. */
export async function areSound(nodes: readonly WeaviateNode[], at: number): Promise<boolean> {
  const url = `${nodes.at(-1)!.url}/v1/objects/AlikeNodes/00000000-0000-4000-8000-000000000001`
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined)
  if (!answer?.ok) return false
  const { properties } = (await answer.json()) as { properties: { note: string } }
  const { soundUntil } = JSON.parse(properties.note) as { soundUntil: Record<string, number> }
  const sound = Object.values(soundUntil)
  return sound.length >= nodes.length && sound.every((until) => until >= at)
}

/** Objects per replica of each shard; undefined while a node is down. */
export async function replicaCounts(nodes: readonly WeaviateNode[]): Promise<Map<string, number[]> | undefined> {
  const seen = await nodesSeenBy(nodes[0]!, '?output=verbose')
  if (seen === undefined || seen.some(({ status }) => status !== 'HEALTHY')) return undefined
  const counts = new Map<string, number[]>()
  for (const { shards } of seen)
    for (const { class: of, name: shard, objectCount } of shards ?? []) {
      const key = `${of} ${shard}`
      counts.set(key, [...(counts.get(key) ?? []), objectCount])
    }
  return counts
}

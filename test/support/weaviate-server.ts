/**
 * A real Weaviate server for tests: the binary named by `WEAVIATE_SERVER`, or `weaviate-server` on the path. Without
 * it, tests that need one are skipped and say so.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WeaviateSettings } from '../../src/engines/weaviate/weaviate-settings.js'
import { freePorts } from './free-ports.js'
import { folderOfProcess } from './temporary-folder.js'
import { startTied, type TiedProcess } from './tied-process.js'
import { until } from './until.js'

/** Path of the binary; undefined if it is not installed. */
export const weaviateBinary: string | undefined =
  process.env.WEAVIATE_SERVER ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'weaviate-server'))
    .find((path) => existsSync(path))

/** For the `skip` option of a test. */
export const skipWithoutWeaviate: string | false =
  weaviateBinary === undefined
    ? 'no Weaviate server: WEAVIATE_SERVER names none, and none is on the path (docs/scale-out.md says how to get one)'
    : false

export interface RunningWeaviate {
  settings: WeaviateSettings
  /** Its total memory in bytes. */
  memory(): Promise<number>
  /** Ends it immediately, without further writes. */
  kill(): Promise<void>
  /** Starts it with the same data, on the same ports. */
  start(): Promise<void>
  /** Connections stay open, and nothing is answered until it is thawed. Resolves once each of its threads has stopped. */
  freeze(): Promise<void>
  thaw(): void
}

export interface WeaviateExtras {
  /** Required from callers. */
  apiKey?: string | undefined
  environment?: Record<string, string> | undefined
}

const readyWithinMs = 60_000

/** Runs until the process ends, unless it is killed. */
export async function startWeaviate({ apiKey, environment = {} }: WeaviateExtras = {}): Promise<RunningWeaviate> {
  const folder = await folderOfProcess('alike-weaviate-')
  const [rest, grpc, gossip, data, raft, raftRpc, pprof] = (await freePorts(7)) as [number, ...number[]]
  let server: TiedProcess
  const settings: WeaviateSettings = {
    url: `http://127.0.0.1:${rest}`,
    grpcAddress: `127.0.0.1:${grpc}`,
    apiKey: apiKey ?? '',
    consistency: 'quorum',
    timeoutMs: 20_000,
  }
  const start = async () => {
    server = await startTied([weaviateBinary!, '--host', '127.0.0.1', '--port', String(rest), '--scheme', 'http'], {
      env: {
        PERSISTENCE_DATA_PATH: folder,
        DISABLE_TELEMETRY: 'true',
        GRPC_PORT: String(grpc),
        CLUSTER_HOSTNAME: 'node0',
        CLUSTER_GOSSIP_BIND_PORT: String(gossip),
        CLUSTER_DATA_BIND_PORT: String(data),
        CLUSTER_ADVERTISE_ADDR: '127.0.0.1',
        RAFT_PORT: String(raft),
        RAFT_INTERNAL_RPC_PORT: String(raftRpc),
        RAFT_BOOTSTRAP_EXPECT: '1',
        GO_PROFILING_PORT: String(pprof),
        DISK_USE_READONLY_PERCENTAGE: '99',
        ...(apiKey === undefined
          ? { AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED: 'true' }
          : {
              AUTHENTICATION_APIKEY_ENABLED: 'true',
              AUTHENTICATION_APIKEY_ALLOWED_KEYS: apiKey,
              AUTHENTICATION_APIKEY_USERS: 'alike',
            }),
        ...environment,
      },
    })
    await ready(settings.url, server)
  }
  await start()
  return {
    settings,
    start,
    memory: () => residentBytes(server.pid),
    kill: () => server.kill(),
    async freeze() {
      process.kill(server.pid, 'SIGSTOP')
      await until(() => isStopped(server.pid), 'the stop of all threads')
    },
    thaw: () => void process.kill(server.pid, 'SIGCONT'),
  }
}

/** Linux: the state follows the name in brackets. */
async function isStopped(pid: number): Promise<boolean> {
  const tasks = `/proc/${pid}/task`
  const states = await Promise.all((await readdir(tasks)).map((task) => readFile(join(tasks, task, 'stat'), 'utf8')))
  return states.every((state) => / T /.test(state.slice(state.lastIndexOf(')'))))
}

/** For a service that uses it. */
export function settingsOf({ settings: { url, grpcAddress } }: Pick<RunningWeaviate, 'settings'>) {
  return { weaviateUrl: url, weaviateGrpc: grpcAddress }
}

let shared: Promise<RunningWeaviate> | undefined

/** One server for all tests of a file. */
export function sharedWeaviate(): Promise<RunningWeaviate> {
  shared ??= startWeaviate()
  return shared
}

async function ready(url: string, server: TiedProcess): Promise<void> {
  const end = Date.now() + readyWithinMs
  while (Date.now() < end && server.code === undefined) {
    const answer = await fetch(`${url}/v1/.well-known/ready`).catch(() => undefined)
    if (answer?.ok) return
    await sleep(100)
  }
  throw new Error(server.code === undefined ? 'Weaviate was not ready in time' : `Weaviate ended with ${server.code}`)
}

async function residentBytes(pid: number): Promise<number> {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1_024
}

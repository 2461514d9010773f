/**
 * A complete deployment on several machines: Weaviate nodes, PostgreSQL, an S3 store, processes that serve and one that
 * works.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryFolder } from '../support/app.js'
import { writeHandmadeModel } from '../support/handmade-onnx.js'
import { type PostgresServer, postgresServer } from '../support/postgres-server.js'
import { newBucket, s3Connection } from '../support/s3-server.js'
import { type ServiceProcess, startProcess } from '../support/service-process.js'
import { until } from '../support/until.js'
import { dimension } from './pictures.js'
import { RoundRobin } from './round-robin.js'
import { startNodes, type WeaviateNodes } from './weaviate-nodes.js'

export interface AlikeStack {
  weaviate: WeaviateNodes
  postgres: PostgresServer
  balanced: RoundRobin
  /** `kill -9`, and a replacement after a while, as any supervisor would start it. */
  killServe(process: number, awayMs: number): Promise<void>
  killWork(awayMs: number): Promise<void>
  /** Log lines of all processes at level warning and above. */
  warnings(): Map<string, number>
  end(): Promise<void>
}

/**
 * @param serves processes that answer
 * @returns undefined, and skips the test, if PostgreSQL is not installed
 */
export async function startStack(t: TestContext, nodes: number, serves = 2): Promise<AlikeStack | undefined> {
  // its network must exist before anything listens in it
  const weaviate = await startNodes(nodes)
  const postgres = await postgresServer(t)
  if (postgres === undefined) return undefined
  const { endpoint, credentials } = await s3Connection()
  const shared = {
    ...weaviate.environment,
    MODEL_DIR: (await writeHandmadeModel(await temporaryFolder(t), { dimension })).folder,
    POSTGRES_URL: await postgres.newDatabase(),
    JOB_LEASE_SECONDS: '10',
    DEFAULT_ENGINE: 'weaviate',
    ORIGINALS_S3_BUCKET: await newBucket('chaos'),
    ORIGINALS_S3_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  }
  const all: ServiceProcess[] = []
  t.after(() => keepLogs(all))
  const start = async (role: 'serve' | 'work') => {
    const DATA_DIR = await temporaryFolder(t)
    const started = await startProcess(t, { ...shared, ROLE: role, DATA_DIR })
    all.push(started)
    return started
  }
  const balanced = new RoundRobin(serves)
  const running: ServiceProcess[] = []
  for (let n = 0; n < serves; n++) {
    running.push(await start('serve'))
    balanced.place(n, running[n]!.address)
  }
  let work = await start('work')
  return {
    weaviate,
    postgres,
    balanced,
    async killServe(n, awayMs) {
      await running[n]!.stop('SIGKILL')
      await pause(awayMs)
      running[n] = await start('serve')
      balanced.place(n, running[n].address)
    },
    async killWork(awayMs) {
      await work.stop('SIGKILL')
      await pause(awayMs)
      work = await start('work')
    },
    warnings: () => warningsOf(all),
    async end() {
      for (const one of [...running, work]) await one.stop('SIGTERM')
    },
  }
}

/** Beside those of the Weaviate nodes, if they are kept. */
async function keepLogs(processes: readonly ServiceProcess[]): Promise<void> {
  const folder = process.env.CHAOS_LOGS
  if (folder === undefined) return
  for (const [n, { log }] of processes.entries())
    await writeFile(join(folder, `alike-${n}.log`), log.map((line) => JSON.stringify(line)).join('\n'))
}

/** Count by message. */
function warningsOf(processes: readonly ServiceProcess[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { log } of processes)
    for (const { level, msg } of log)
      if (Number(level) >= 40) counts.set(String(msg), (counts.get(String(msg)) ?? 0) + 1)
  return counts
}

/** Not a wait for a condition: how long a killed part stays down. */
export function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms))
}

/** Waits until every process is ready for requests. */
export async function expectReady({ balanced }: AlikeStack): Promise<void> {
  for (const address of balanced.addresses)
    await until(
      () =>
        fetch(`${address}/readyz`).then(
          ({ status }) => status === 200,
          () => false,
        ),
      'readiness',
    )
}

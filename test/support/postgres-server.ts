/**
 * A real PostgreSQL for tests, in a temporary folder, run by a non-root user; tests are skipped if it is not installed.
 */
import { execFile } from 'node:child_process'
import { chownSync } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePorts } from './free-ports.js'
import { folderOfProcess } from './temporary-folder.js'
import { startTied } from './tied-process.js'
import { until } from './until.js'

const run = promisify(execFile)

export interface PostgresServer {
  /** A separate empty database for each caller. */
  newDatabase(): Promise<string>
  /** `kill -9`: every connection is lost. */
  kill(): Promise<void>
  start(): Promise<void>
}

/** Where Debian's packages install it, in addition to the path. */
const usualFolders = ['/usr/lib/postgresql/17/bin', '/usr/lib/postgresql/16/bin', '/usr/lib/postgresql/15/bin']

async function binariesIn(folders: string[]): Promise<string | undefined> {
  for (const folder of folders)
    if (
      await Promise.all(['initdb', 'postgres'].map((name) => access(join(folder, name)))).then(
        () => true,
        () => false,
      )
    )
      return folder
  return undefined
}

let running: Promise<PostgresServer | undefined> | undefined

/** One server per process, stopped with it. @returns undefined, and skips the test, if PostgreSQL is not installed */
export async function postgresServer(t: TestContext): Promise<PostgresServer | undefined> {
  running ??= startServer()
  const server = await running
  if (server === undefined)
    t.skip('PostgreSQL is not installed (initdb and postgres; Debian: apt-get install postgresql)')
  return server
}

async function startServer(): Promise<PostgresServer | undefined> {
  const folder = await binariesIn([...usualFolders, ...(process.env.PATH ?? '').split(delimiter)])
  if (folder === undefined) return undefined
  const data = await folderOfProcess('alike-postgres-')
  const asUser = await unprivileged(data)
  const options = ['--pgdata', data, '--username=alike', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
  await run(join(folder, 'initdb'), options, asUser)
  const [port] = (await freePorts(1)) as [number]
  const start = async () => {
    const settings = ['fsync=off', 'full_page_writes=off', 'max_connections=200', `unix_socket_directories=${data}`]
    const command = [join(folder, 'postgres'), '-D', data, '-p', String(port), '-h', '127.0.0.1']
    for (const setting of settings) command.push('-c', setting)
    const server = await startTied(command, asUser)
    await connected(port)
    return async () => {
      const url = urlOf(port, 'postgres')
      const backends = await inDatabase(url, 'SELECT pid FROM pg_stat_activity').catch(() => [])
      await server.kill()
      // they notice the end of the server by themselves, but until then they still answer
      const pids = backends.map(({ pid }) => Number(pid))
      for (const pid of pids) killed(pid)
      for (const pid of pids) await until(() => hasEnded(pid), 'the end of a backend')
    }
  }
  let kill = await start()
  let databases = 0
  return {
    async newDatabase() {
      const name = `test_${databases++}`
      await inDatabase(urlOf(port, 'postgres'), `CREATE DATABASE ${name}`)
      return urlOf(port, name)
    },
    kill: () => kill(),
    async start() {
      kill = await start()
    },
  }
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has already ended
  }
}

/** Killed processes still answer until they are next scheduled, which takes a while on a busy machine. */
async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X')
  return /\) [XZ]/.test(stat)
}

const urlOf = (port: number, database: string) => `postgres://alike@127.0.0.1:${port}/${database}`

/** PostgreSQL refuses to run as root. */
async function unprivileged(folder: string): Promise<{ uid?: number; gid?: number; cwd: string }> {
  if (process.getuid?.() !== 0) return { cwd: folder }
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (which) => Number((await run('id', [which, 'nobody'])).stdout)),
  )
  chownSync(folder, uid!, gid!)
  return { uid: uid!, gid: gid!, cwd: folder }
}

function connected(port: number): Promise<boolean> {
  return until(
    () =>
      inDatabase(urlOf(port, 'postgres'), 'SELECT 1').then(
        () => true,
        () => false,
      ),
    'an answer of PostgreSQL',
  )
}

/** One statement. */
export async function inDatabase(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}

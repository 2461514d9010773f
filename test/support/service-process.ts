/** The compiled service as a child process, for tests that kill it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const serviceFile = fileURLToPath(new URL('../../src/main.js', import.meta.url))

export interface ServiceProcess {
  address: string
  pid: number
  /** From spawning to listening, with everything warmed up. */
  startMs: number
  /** Lines of its log. */
  log: Record<string, unknown>[]
  /** Sends the signal; resolves with exit code or signal when it has exited. */
  stop(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null>
  /** The same, for when it exits by itself. */
  ended: Promise<number | NodeJS.Signals | null>
}

export interface ServiceLimits {
  /** Limits its file size; `limitFileSize` lifts the limit. */
  fileMaxBytes?: number
  /** Called before the process has read anything. */
  onSpawn?: (pid: number) => void
  /** File to run instead of the service. */
  mainFile?: string
}

/** Set by the image too, so that freed memory is returned. */
export const allocator = { MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '1048576' }

/** The environment contains only the given variables, so that a developer's settings do not affect the test. */
export function spawnService(
  environment: Record<string, string>,
  { fileMaxBytes, mainFile = serviceFile }: ServiceLimits = {},
): ChildProcess {
  const command = [
    ...(fileMaxBytes === undefined ? [] : ['prlimit', `--fsize=${fileMaxBytes}:unlimited`]),
    process.execPath,
    mainFile,
  ]
  return spawn(command[0]!, command.slice(1), {
    env: {
      PATH: process.env.PATH,
      ...(process.env.NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
      HOST: '127.0.0.1',
      PORT: '0',
      PROVIDER: 'cpu',
      EMBED_WORKERS: '1',
      DECODER_PROCESSES: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Resolves when it listens. Killed after the test if it still runs. */
export async function startProcess(
  t: TestContext,
  environment: Record<string, string>,
  limits: ServiceLimits = {},
): Promise<ServiceProcess> {
  const startedAt = performance.now()
  const child = spawnService(environment, limits)
  limits.onSpawn?.(child.pid!)
  t.after(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null)
  const log: Record<string, unknown>[] = []
  let errors = ''
  child.stderr!.on('data', (text: Buffer) => void (errors += text.toString()))

  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const entry = JSON.parse(line) as Record<string, unknown>
      log.push(entry)
      const listening = /listening at (http:\S+)/.exec(String(entry.msg))?.[1]
      if (listening !== undefined) resolve(listening)
    })
    void ended.then((code) =>
      reject(new Error(`the service ended with ${code} before it listened: ${errors}${JSON.stringify(log.at(-1))}`)),
    )
  })
  return {
    address,
    pid: child.pid!,
    startMs: performance.now() - startedAt,
    log,
    ended,
    stop: (signal) => {
      child.kill(signal)
      return ended
    },
  }
}

/** Runs it until it exits by itself; for starts that must fail. */
export async function runToExit(
  environment: Record<string, string>,
  limits: ServiceLimits = {},
): Promise<{ code: number | null; output: string }> {
  const child = spawnService(environment, limits)
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (text: Buffer) => void (output += text.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

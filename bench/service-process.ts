/** The real service as a child process, on a free port and with a temporary data folder. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const {
  UV_THREADPOOL_SIZE = '16',
  MALLOC_MMAP_THRESHOLD_ = '1048576',
  MALLOC_TRIM_THRESHOLD_ = '1048576',
} = process.env
/**
 * As set by `npm start`, unless the environment does: read before any of our code runs. Without them the memory of large
 * pictures and models is kept.
 */
export const startSettings = { UV_THREADPOOL_SIZE, MALLOC_MMAP_THRESHOLD_, MALLOC_TRIM_THRESHOLD_ }

const readyDeadlineMs = 120_000

export class ServiceProcess {
  readonly url: string
  /** Time from spawning the process to its first successful `/readyz`; 0 before. */
  readyMs = 0
  readonly #process: ChildProcess
  readonly #folder: string

  private constructor(url: string, process: ChildProcess, folder: string) {
    this.url = url
    this.#process = process
    this.#folder = folder
  }

  /** Resolves when `/readyz` succeeds. @param settings environment variables of the service */
  static async start(settings: Record<string, string> = {}): Promise<ServiceProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'alike-bench-'))
    const port = await freePort()
    const main = fileURLToPath(new URL('../src/main.js', import.meta.url))
    const child = spawn(process.execPath, [main], {
      env: {
        ...process.env,
        LOG_LEVEL: 'warn',
        ...startSettings,
        PORT: String(port),
        DATA_DIR: folder,
        ...settings,
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const service = new ServiceProcess(`http://127.0.0.1:${port}`, child, folder)
    try {
      await service.#ready()
    } catch (error) {
      await service.stop()
      throw error
    }
    return service
  }

  async #ready(): Promise<void> {
    const started = performance.now()
    for (;;) {
      if (this.#ended)
        throw new Error(
          `the service exited with ${this.#process.exitCode ?? this.#process.signalCode} before it was ready`,
        )
      if ((await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok === true) {
        this.readyMs = performance.now() - started
        return
      }
      if (performance.now() - started > readyDeadlineMs) throw new Error('the service did not become ready')
      await sleep(50)
    }
  }

  get #ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  /** Value of a metric without labels, in its own unit. */
  async metric(name: string): Promise<number> {
    return (await this.metrics()).get(name) ?? Number.NaN
  }

  /** Name, including labels, → value. */
  async metrics(): Promise<Map<string, number>> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    )
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    if (!this.#ended) await once(this.#process, 'exit')
    await rm(this.#folder, { recursive: true, force: true })
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

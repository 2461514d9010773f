/** The process: reads the configuration, opens the service, listens, and closes it. `node dist/src/main.js` */
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'
import type { Config } from './config/config.js'
import { readConfig } from './config/read-config.js'
import { AlikeError, hasCode } from './errors.js'
import { decodersWanted } from './image/decoders.js'
import { createMetrics } from './metrics/metrics.js'
import { openLog } from './service/log.js'
import { openService, type Service } from './service/service.js'
import { openUnready } from './service/unready.js'

/** libuv and the allocator read these once, before any of our code runs, so they can only be set outside. */
function warnOfEnvironment(config: Config, logger: Logger): void {
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4)
  const { processes, count } = decodersWanted(config, availableParallelism())
  const wanted = processes > 0 ? 4 : 2 * count // a stored picture has several outputs made concurrently; decoder processes have their own threads
  if (threads < wanted) logger.warn({ threads, wanted }, 'UV_THREADPOOL_SIZE is too small to decode on every core')
  // glibc raises its threshold automatically up to 32 MiB, and each of its arenas then keeps that much freed memory
  if (process.platform === 'linux' && process.env.MALLOC_MMAP_THRESHOLD_ === undefined)
    logger.warn('MALLOC_MMAP_THRESHOLD_ is not set: memory that large pictures took may be kept')
}

/**
 * Each picture leaves about a megabyte of buffers behind, and V8 lets a heap of 40 MB grow by only 30 %: every twentieth
 * query collected the whole heap. At three times the size in use, one in hundreds does. Bounded by `--max-old-space-size`
 * as ever.
 */
function letHeapGrow(): void {
  setFlagsFromString('--heap-growing-percent=200')
}

async function main(): Promise<void> {
  letHeapGrow()
  const config = readConfig(process.env)
  const metrics = createMetrics()
  const logger = openLog({ ...config, onLoss: metrics.countLogLoss })
  warnOfEnvironment(config, logger)
  const service = await openService({ config, logger, metrics, environment: process.env }).catch((error: unknown) => {
    // a restart would not help: the process stays, unready, and says why
    if (!hasCode(error, 'golden_mismatch')) throw error
    logger.fatal({ err: error }, 'staying unready')
    return openUnready({ config, metrics, logger, reason: error })
  })

  // Also for uncaught errors: they are logged, accepted work is finished, and the exit code is 1.
  const bound = { delay: config.shutdownGraceMs, logger, onTimeout: killItself }
  const grace = closeWithGrace(bound, async ({ signal, err }) => {
    if (err !== undefined) logger.fatal({ err }, 'uncaught error, stopping')
    else logger.info({ signal }, 'stopping')
    await service.close(err !== undefined)
    logger.info('stopped')
  })
  await listen(service, config).catch((error: unknown) => {
    grace.uninstall() // otherwise the process would exit with 0
    throw error
  })
}

/**
 * `process.exit` would wait for native code in all threads, such as a decode of minutes. It is called next, but only
 * process 1 of a container gets there, because it cannot be killed from inside.
 */
function killItself(graceMs: number): void {
  console.error(`killed, because stopping took longer than ${graceMs} ms`) // the log would be written too late
  process.kill(process.pid, 'SIGKILL')
}

/** @throws AlikeError `config_invalid` if an address is unavailable; everything is then closed */
async function listen(
  { app, metricsApp, close }: Pick<Service, 'app' | 'metricsApp' | 'close'>,
  { host, port, metricsPort }: Config,
): Promise<void> {
  try {
    if (metricsApp !== undefined) await listenOn(metricsApp, { host, port: metricsPort, setting: 'METRICS_PORT' })
    await listenOn(app, { host, port, setting: 'PORT' })
  } catch (error) {
    await close()
    throw error
  }
}

async function listenOn(
  app: Service['app'],
  { host, port, setting }: { host: string; port: number; setting: string },
): Promise<void> {
  await app.listen({ host, port }).catch((cause: NodeJS.ErrnoException) => {
    const inUse = cause.code === 'EADDRINUSE'
    const detail = inUse
      ? `Port ${port} of ${host} is in use; ${setting} chooses another one.`
      : `The service cannot listen on ${host}, port ${port}: ${cause.message}`
    throw new AlikeError('config_invalid', { detail, cause })
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await main()
  } catch (error) {
    // Before there is a logger, and for people at a terminal: the sentence is what counts.
    console.error(error instanceof AlikeError ? `${error.code}: ${error.message}` : error)
    process.exitCode = 1
  }
}

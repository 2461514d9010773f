/**
 * Frees the storage of removed sets, where the process that removed them died or the engine was unavailable. The catalogue
 * records each removal together with it: nothing else is freed, whatever other installations store in the same engine.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Catalogue, RemovedSet } from './catalogue.js'
import type { Engine } from './engine.js'
import { tryHold } from './held-locks.js'
import type { SharedWrites } from './writes.js'

export interface RemovedSetsOptions {
  catalogue: Pick<Catalogue, 'removedSets' | 'forgetRemoved'>
  engines: Readonly<Record<string, Engine>>
  /** Defined if several processes share the catalogue: one of them sweeps at a time. */
  shared?: SharedWrites | undefined
  logger: Logger
  now?: (() => number) | undefined
  pauses?: typeof usualPauses | undefined
}

/** Between sweeps, and after one that failed: an engine that was started later than this process is soon there. */
const usualPauses = { everyMs: 600_000, againMs: 60_000 }
/** Until then another process may still be creating the storage of a set that it does not know to be removed. */
const unsettledMs = 3_600_000

export class RemovedSets {
  readonly #options: RemovedSetsOptions
  readonly #ended = new AbortController()
  readonly #running: Promise<void>

  constructor(options: RemovedSetsOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#running
  }

  /** @returns the uids of sets whose storage was still there @throws AlikeError `engine_unreachable`, `store_unreachable` */
  async sweep(): Promise<string[]> {
    const lock = await tryHold(this.#options, 'removals', '')
    return lock === undefined ? [] : this.#free().finally(lock.release)
  }

  async #free(): Promise<string[]> {
    const { catalogue, engines } = this.#options
    const removed = await catalogue.removedSets()
    // concurrently, so that an unavailable engine does not delay the others; sets of an engine that this process
    // lacks are freed by one that has it
    const ended = await Promise.allSettled(
      Object.entries(engines).map(([name, engine]) =>
        this.#freeIn(
          engine,
          removed.filter((set) => set.engine === name),
        ),
      ),
    )
    return ended.flatMap((end) => {
      if (end.status === 'rejected') throw end.reason
      return end.value
    })
  }

  async #freeIn(engine: Engine, removed: readonly RemovedSet[]): Promise<string[]> {
    const { catalogue, logger, now = Date.now } = this.#options
    const freed: string[] = []
    for (const set of removed) {
      if (this.#ended.signal.aborted) break
      if (await engine.free?.(set)) {
        freed.push(set.uid)
        logger.info({ set: set.uid, engine: set.engine }, 'the storage of a set that was removed earlier is freed')
      }
      if (isSettled(set, now(), engine.awayMaxMs)) await catalogue.forgetRemoved(set.uid)
    }
    return freed
  }

  async #run(): Promise<void> {
    const { logger, pauses = usualPauses } = this.#options
    const { signal } = this.#ended
    while (!signal.aborted) {
      const pauseMs = await this.sweep().then(
        () => pauses.everyMs,
        (err: unknown) => {
          logger.warn({ err }, 'the storage of removed sets could not be freed yet; retrying later')
          return pauses.againMs
        },
      )
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {})
    }
  }
}

/** Whether a removed set that has no storage now will have none later, nor in a process that is away. */
export function isSettled({ removedAt }: Pick<RemovedSet, 'removedAt'>, now: number, awayMaxMs = 0): boolean {
  return now - Date.parse(removedAt) > Math.max(unsettledMs, awayMaxMs)
}

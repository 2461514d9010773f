/** Keeps each gallery's other set up to date in the background, one group of pictures at a time. */
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from '../errors.js'
import type { Changes, ChangesReading } from '../gallery/changes.js'
import type { Galleries } from '../gallery/galleries.js'
import { tryHold } from '../gallery/held-locks.js'
import type { JobLogger } from '../jobs/job-logger.js'
import { OneAfterAnother } from '../one-after-another.js'
import { type CatchingUp, catchUpOnce } from './catching-up.js'
import { releaseMirror } from './held-galleries.js'
import type { LostImage } from './set-mirror.js'
import type { SetMirrors } from './set-mirrors.js'
import { TouchedIds } from './touched-ids.js'

export interface SetFollowersOptions {
  galleries: Galleries
  mirrors: SetMirrors
  logger: JobLogger
}

interface Follower {
  setUid: string
  changed: Changes
  stop: AbortController
  ended: Promise<void>
}

/** Pause while another process applies the changes, and after each own turn, so that others get theirs. */
const othersTurnMs = 500
/** With shared galleries: how often a process looks for sets that another one has built or switched to. */
const lookEveryMs = 5_000
/** Retry interval after a failure, or while a set's model is missing. */
const retryMs = 5_000

export class SetFollowers {
  readonly #options: SetFollowersOptions
  /** Keyed by gallery name. */
  readonly #followers = new Map<string, Follower>()
  /** All galleries share one sequence of turns. */
  readonly #turns = new OneAfterAnother()
  #look: NodeJS.Timeout | undefined

  private constructor(options: SetFollowersOptions) {
    this.#options = options
  }

  /** Compares sets to find what a previous process did not apply, unless changes are recorded in a shared store. */
  static async open(options: SetFollowersOptions): Promise<SetFollowers> {
    const followers = new SetFollowers(options)
    if (options.galleries.writes.shared !== undefined) {
      await followers.#startThoseBeside()
      followers.#look = setInterval(() => void followers.#startThoseBeside(), lookEveryMs).unref()
      return followers
    }
    for (const { gallery, beside } of await options.galleries.sets.beside())
      for (const { uid, stage } of beside) {
        if (stage === 'building') continue // its job compares
        await options.galleries.writes.follow(gallery, uid).note('all')
        followers.start(gallery, uid)
      }
    return followers
  }

  /** Pending changed pictures over all galleries; NaN if that cannot be read. */
  async pending(): Promise<number> {
    return (await this.#readings())?.reduce((sum, { count }) => sum + count, 0) ?? Number.NaN
  }

  /** How long the oldest of them has waited; 0 if there are none. NaN as above. */
  async oldestSeconds(): Promise<number> {
    const readings = await this.#readings()
    if (readings === undefined) return Number.NaN
    const now = Date.now()
    return Math.max(0, ...readings.map(({ since = now }) => (now - since) / 1_000))
  }

  /** Number of galleries whose other set is kept up to date. */
  get count(): number {
    return this.#followers.size
  }

  get galleries(): string[] {
    return [...this.#followers.keys()]
  }

  /** The set of a gallery that is kept up to date. */
  setOf(gallery: string): string | undefined {
    return this.#followers.get(gallery)?.setUid
  }

  /** Continues from what has been recorded so far. Does nothing if it is already followed. */
  start(gallery: string, setUid: string): void {
    const former = this.#followers.get(gallery)
    if (former?.setUid === setUid) return
    former?.stop.abort()
    const changed = this.#options.galleries.writes.follow(gallery, setUid)
    const follower: Follower = { setUid, changed, stop: new AbortController(), ended: Promise.resolve() }
    this.#followers.set(gallery, follower)
    follower.ended = this.#follow(gallery, follower)
  }

  /**
   * The same, unless the set is gone: another gallery may have the name by now, and needs what is recorded for its own.
   * @returns whether it is there
   */
  async startIfThere(gallery: string, setUid: string): Promise<boolean> {
    const isThere = await this.#options.galleries.sets.list(gallery).then(
      (sets) => sets.some(({ uid }) => uid === setUid),
      (error: unknown) => !hasCode(error, 'gallery_not_found'),
    )
    if (isThere) this.start(gallery, setUid)
    return isThere
  }

  /** Resolves when its work has stopped; changes continue to be recorded. */
  async stop(gallery: string): Promise<void> {
    const follower = this.#followers.get(gallery)
    if (follower === undefined) return
    this.#followers.delete(gallery)
    follower.stop.abort()
    await follower.ended
  }

  async close(): Promise<void> {
    clearInterval(this.#look)
    await Promise.all([...this.#followers.keys()].map((gallery) => this.stop(gallery)))
  }

  async #follow(gallery: string, follower: Follower): Promise<void> {
    const { galleries, logger } = this.#options
    const { changed } = follower
    const { signal } = follower.stop
    while (!signal.aborted) {
      try {
        await changed.waiting(signal)
        if (signal.aborted) return
        const isOurs = await this.#inTurn(() => this.#tryBring(gallery, follower), signal)
        if (!isOurs || galleries.writes.shared !== undefined)
          await sleep(othersTurnMs, undefined, { signal, ref: false }).catch(() => {})
      } catch (error) {
        if (signal.aborted) return
        if (hasCode(error, 'gallery_not_found', 'set_not_found')) {
          galleries.writes.unfollow(gallery, changed)
          if (this.#followers.get(gallery) === follower) this.#followers.delete(gallery)
          return
        }
        // the process that has the set applies them
        if (!hasCode(error, 'gallery_elsewhere'))
          logger.warn({ err: error, gallery }, 'the other embedding set of a gallery could not be updated')
        await sleep(retryMs, undefined, { signal, ref: false }).catch(() => {})
      }
    }
  }

  /** @returns false if another process applies the changes */
  async #tryBring(gallery: string, { setUid, changed, stop: { signal } }: Follower): Promise<boolean> {
    const lock = await tryHold(this.#options.galleries.writes, 'mirror', gallery)
    if (lock === undefined) return false
    const touched = new TouchedIds(changed)
    try {
      await this.#bring(gallery, { setUid, changed: touched, lock, signal })
    } finally {
      await releaseMirror(lock, touched, signal)
    }
    return true
  }

  async #bring(
    gallery: string,
    { setUid, ...catching }: { setUid: string } & Pick<CatchingUp, 'changed' | 'lock' | 'signal'>,
  ): Promise<void> {
    const { mirrors, logger } = this.#options
    const { mirror } = await mirrors.of(gallery, setUid)
    const onLost = (lost: readonly LostImage[]) => {
      const { id, error: err } = lost[0]!
      logger.warn({ err, gallery, lost: lost.length, id }, 'pictures are missing from the other embedding set')
    }
    await catchUpOnce({ ...catching, mirror, onLost })
  }

  async #readings(): Promise<ChangesReading[] | undefined> {
    const followed = [...this.#followers.values()]
    return Promise.all(followed.map(async ({ changed }) => changed.reading())).catch(() => undefined)
  }

  /** Starts following sets that another process has built or switched from, and stops following removed ones. */
  async #startThoseBeside(): Promise<void> {
    const { galleries, logger } = this.#options
    const before = [...this.#followers]
    try {
      const beside = (await galleries.writes.shared?.setsBeside()) ?? []
      for (const { gallery, setUid } of beside) this.start(gallery, setUid)
      const setUids = new Set(beside.map(({ setUid }) => setUid))
      for (const [gallery, follower] of before)
        if (this.#followers.get(gallery) === follower && !setUids.has(follower.setUid)) {
          this.#followers.delete(gallery)
          follower.stop.abort()
        }
    } catch (err) {
      logger.warn({ err }, 'the embedding sets that other processes have built are not known')
    }
  }

  /** A follower stopped before its turn does not wait for it: another gallery's turn may take long. */
  #inTurn<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      const stop = () => reject(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
      void this.#turns.run(async () => {
        signal.removeEventListener('abort', stop)
        if (!signal.aborted) await work().then(resolve, reject)
      })
    })
  }
}

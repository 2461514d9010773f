/** Keeps the planned number of sessions warm: hands out idle ones, replaces those that die. */
import { Session } from './session.js'
import type { SessionSettings } from './worker-protocol.js'

export interface SessionPoolOptions {
  settings: SessionSettings
  /** Sessions to keep. */
  count: number
  /** A session became idle, or `failing` changed. */
  onChange(): void
  /** A session's thread ended by itself. */
  onCrash(): void
  /** A further session could not be opened; the next try is made after this delay. */
  onOpenFailed(error: unknown, nextTryMs: number): void
}

const firstDelayMs = 100
const longestDelayMs = 30_000

export class SessionPool {
  readonly #options: SessionPoolOptions
  readonly #idle: Session[] = []
  readonly #live = new Set<Session>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #opening = new Set<Promise<void>>()
  #delayMs = firstDelayMs
  #lastOpenFailed = false
  #closing = false

  /** @param first a session of the same settings that is already warm. */
  constructor(options: SessionPoolOptions, first: Session) {
    this.#options = options
    this.#adopt(first)
  }

  /** Opens the others, all at once; one that fails is tried again later like one that died. */
  async fill(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.count - 1 }, () => this.#open()))
  }

  /** Warm sessions, idle or running. */
  get live(): number {
    return this.#live.size
  }

  /** Nothing runs and the last attempt to change that failed: who waits would wait for long. */
  get failing(): boolean {
    return this.#live.size === 0 && this.#lastOpenFailed
  }

  takeIdle(): Session | undefined {
    for (;;) {
      const session = this.#idle.pop()
      if (session === undefined || session.alive) return session
    }
  }

  /** After a run that came to its end, well or badly. */
  giveBack(session: Session, succeeded: boolean): void {
    if (!session.alive) return
    if (succeeded) this.#delayMs = firstDelayMs
    this.#idle.push(session)
    this.#options.onChange()
  }

  /** When no run is under way. Resolves when every thread has ended. */
  async close(): Promise<void> {
    this.#closing = true
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all(this.#opening)
    await Promise.all([...this.#live].map((session) => session.close()))
  }

  #adopt(session: Session): void {
    this.#live.add(session)
    this.#idle.push(session)
    this.#lastOpenFailed = false
    void session.ended.then(() => this.#lose(session))
  }

  #lose(session: Session): void {
    this.#live.delete(session)
    if (this.#closing) return
    this.#options.onCrash()
    this.#openLater()
  }

  /** Ever later while replacements die or fail before they have finished a single run. */
  #openLater(): void {
    const delayMs = this.#delayMs
    this.#delayMs = Math.min(delayMs * 2, longestDelayMs)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      const opening = this.#open().finally(() => this.#opening.delete(opening))
      this.#opening.add(opening)
    }, delayMs)
    this.#timers.add(timer)
  }

  async #open(): Promise<void> {
    try {
      const { session } = await Session.open(this.#options.settings)
      this.#adopt(session)
    } catch (error) {
      this.#lastOpenFailed = true
      this.#options.onOpenFailed(error, this.#delayMs)
      if (!this.#closing) this.#openLater()
    }
    this.#options.onChange()
  }
}

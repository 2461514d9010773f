/** Keeps the planned number of sessions warm: hands out idle ones, replaces those that die. */
import { Session } from './session.js'
import type { SessionSettings } from './worker-protocol.js'

export interface SessionPoolOptions {
  /** One per GPU, a single one on the CPU; sessions are distributed among them. */
  settings: readonly SessionSettings[]
  /** Total number of sessions to keep. */
  count: number
  /** A session became idle, or `failing` changed. */
  onChange(): void
  /** A session's thread died, or was ended because its runs fail. */
  onCrash(): void
  /** A further session could not be opened; the next attempt is made after this delay. */
  onOpenFailed(error: unknown, nextTryMs: number): void
}

const firstDelayMs = 100
const longestDelayMs = 30_000
/**
 * Runs in a row that may fail before a session is replaced. Every run of a size is alike, so it is not the pictures that
 * fail: a GPU that has gone fails all runs, in sessions that still live.
 */
const failuresTolerated = 2

export class SessionPool {
  readonly #options: SessionPoolOptions
  readonly #idle: Session[] = []
  readonly #live = new Set<Session>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #opening = new Set<Promise<void>>()
  /** Failures since the last run that succeeded. */
  readonly #failures = new WeakMap<Session, number>()
  #delayMs = firstDelayMs
  #lastOpenFailed = false
  #closing = false

  /** @param first a warm session for each of the settings */
  constructor(options: SessionPoolOptions, first: readonly Session[]) {
    this.#options = options
    for (const session of first) this.#adopt(session)
  }

  /** Opens the others, all at once; one that fails to open is retried later, like one that died. */
  async fill(): Promise<void> {
    const { settings, count } = this.#options
    const others = Array.from({ length: count - settings.length }, (_, i) => settings[i % settings.length]!)
    await Promise.all(others.map((one) => this.#open(one)))
  }

  /** Warm sessions, idle or running. */
  get live(): number {
    return [...this.#live].filter(({ alive }) => alive).length
  }

  /** There is no live session and the last attempt to open one failed: callers would wait for long. */
  get failing(): boolean {
    return this.live === 0 && this.#lastOpenFailed
  }

  /** With several GPUs, from the one with the most idle sessions. */
  takeIdle(): Session | undefined {
    const alive = this.#idle.filter((session) => session.alive)
    const idleBeside = ({ settings }: Session) => alive.filter((other) => other.settings === settings).length
    const [first, ...others] = alive
    if (first === undefined) return undefined
    const session = others.reduce((best, other) => (idleBeside(other) >= idleBeside(best) ? other : best), first)
    this.#idle.splice(this.#idle.indexOf(session), 1)
    return session
  }

  /** After a run that ended, successfully or not. */
  giveBack(session: Session, succeeded: boolean): void {
    if (!session.alive) return
    const failures = succeeded ? 0 : (this.#failures.get(session) ?? 0) + 1
    this.#failures.set(session, failures)
    if (failures > failuresTolerated) return void session.close()
    if (succeeded) this.#delayMs = firstDelayMs
    this.#idle.push(session)
    this.#options.onChange()
  }

  /** Call only when no run is in progress. Resolves when every thread has exited. */
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
    if (this.#idle.includes(session)) this.#idle.splice(this.#idle.indexOf(session), 1)
    if (this.#closing) return
    this.#options.onCrash()
    this.#openLater(session.settings)
  }

  /** Increasing delays while replacements die or fail before completing a single run. */
  #openLater(settings: SessionSettings): void {
    const delayMs = this.#delayMs
    this.#delayMs = Math.min(delayMs * 2, longestDelayMs)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      const opening = this.#open(settings).finally(() => this.#opening.delete(opening))
      this.#opening.add(opening)
    }, delayMs)
    this.#timers.add(timer)
  }

  async #open(settings: SessionSettings): Promise<void> {
    try {
      const { session } = await Session.open(settings)
      this.#adopt(session)
    } catch (error) {
      this.#lastOpenFailed = true
      this.#options.onOpenFailed(error, this.#delayMs)
      if (!this.#closing) this.#openLater(settings)
    }
    this.#options.onChange()
  }
}

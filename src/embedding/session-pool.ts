/** Keeps the planned number of sessions warm: hands out idle ones, replaces those that die. */
import { Session } from './session.js'
import type { SessionSettings } from './worker-protocol.js'

export interface SessionPoolOptions {
  /** One for each GPU, on the CPU one; sessions are dealt out among them. */
  settings: readonly SessionSettings[]
  /** Sessions to keep, in all. */
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

  /** @param first a session of each of the settings that is already warm. */
  constructor(options: SessionPoolOptions, first: readonly Session[]) {
    this.#options = options
    for (const session of first) this.#adopt(session)
  }

  /** Opens the others, all at once; one that fails is tried again later like one that died. */
  async fill(): Promise<void> {
    const { settings, count } = this.#options
    const others = Array.from({ length: count - settings.length }, (_, i) => settings[i % settings.length]!)
    await Promise.all(others.map((one) => this.#open(one)))
  }

  /** Warm sessions, idle or running. */
  get live(): number {
    return [...this.#live].filter(({ alive }) => alive).length
  }

  /** Nothing runs and the last attempt to change that failed: who waits would wait for long. */
  get failing(): boolean {
    return this.live === 0 && this.#lastOpenFailed
  }

  /** Of several GPUs from the one that has most of them idle. */
  takeIdle(): Session | undefined {
    const alive = this.#idle.filter((session) => session.alive)
    const idleBeside = ({ settings }: Session) => alive.filter((other) => other.settings === settings).length
    const [first, ...others] = alive
    if (first === undefined) return undefined
    const session = others.reduce((best, other) => (idleBeside(other) >= idleBeside(best) ? other : best), first)
    this.#idle.splice(this.#idle.indexOf(session), 1)
    return session
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
    if (this.#idle.includes(session)) this.#idle.splice(this.#idle.indexOf(session), 1)
    if (this.#closing) return
    this.#options.onCrash()
    this.#openLater(session.settings)
  }

  /** Ever later while replacements die or fail before they have finished a single run. */
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

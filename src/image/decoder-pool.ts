/** Decoding in separate processes: a picture that crashes its decoder affects nothing else. */
import { AlikeError } from '../errors.js'
import type { DecodeEngine, Permitted } from './decode-engine.js'
import type { DecodePriority } from './decode-permits.js'
import { DecoderPost, type ImageAnswer, type ImageTask, outOfOrder, type ProcessEnd } from './decoder-post.js'
import type { Confinement, ProcessOptions } from './decoder-process.js'
import type { DecodedImage, ImageWork } from './image-work.js'

export interface DecoderPoolEvents {
  logger: { warn(fields: object, message: string): void }
  /** Called when a decoder process ends unexpectedly. */
  onProcessEnd?: (() => void) | undefined
}

export interface DecoderPoolOptions extends DecoderPoolEvents, Omit<ProcessOptions, 'confinement' | 'niceness'> {
  processes: number
}

/**
 * Memory reserved for a picture before its header is read. Nearly all need less, so one message each way is enough; the
 * others are requested again once the memory stated by their header is available.
 */
const ordinaryBytes = 16 * 2 ** 20

/**
 * Relative nice value of all processes but the first one, which searches use before the others. They take every core if
 * a job lets them; what answers searches needs little, so it goes first.
 */
const othersNiceness = 10

interface PooledTask extends ImageTask {
  priority: DecodePriority
}

/** @throws AlikeError `internal` if no process starts */
export async function openDecoderPool(options: DecoderPoolOptions): Promise<DecoderPool> {
  const pool = new DecoderPool(options)
  try {
    await pool.started
  } catch (error) {
    await pool.close()
    throw error
  }
  return pool
}

export class DecoderPool implements DecodeEngine {
  readonly where = 'process'
  /** Resolves when the first process is ready. */
  readonly started: Promise<void>
  readonly #options: DecoderPoolOptions
  readonly #posts: DecoderPost[]
  /** Pictures with a permit that wait for a process; only while processes are starting. */
  readonly #waiting: PooledTask[] = []
  /** Ways of starting a process on this system, strictest first. */
  readonly #confinements = confinementsHere()
  #hasStarted = false
  #onStarted!: { resolve(): void; reject(error: AlikeError): void }
  #isClosing = false

  constructor(options: DecoderPoolOptions) {
    this.#options = options
    this.started = new Promise((resolve, reject) => {
      this.#onStarted = { resolve, reject }
    })
    this.#posts = Array.from({ length: options.processes }, (_, index) => {
      const niceness = index === 0 ? 0 : othersNiceness
      return new DecoderPost(() => ({ ...options, niceness, confinement: this.#confinements[0]! }), {
        onRoom: () => this.#assign(),
        onEnd: (end) => this.#processEnded(end),
      })
    })
  }

  get processes(): number {
    return this.#posts.filter(({ isReady }) => isReady).length
  }

  /** Of the running processes. */
  get pids(): number[] {
    return this.#posts.flatMap(({ pid }) => pid ?? [])
  }

  async decode(
    bytes: Uint8Array,
    work: ImageWork,
    permitted: Permitted,
    priority: DecodePriority,
  ): Promise<DecodedImage> {
    const ask = (grantedBytes: number) =>
      permitted(grantedBytes, () => this.#ask({ bytes, work: withoutSignal(work), grantedBytes, priority }))
    const first = await ask(ordinaryBytes)
    if (!('neededBytes' in first)) return first
    const second = await ask(first.neededBytes)
    if (!('neededBytes' in second)) return second
    throw new AlikeError('internal', { detail: 'A decoder reported different memory needs for the same picture.' })
  }

  async close(): Promise<void> {
    this.#isClosing = true
    for (const { reject } of this.#waiting.splice(0)) reject(new AlikeError('shutting_down'))
    await Promise.all(this.#posts.map((post) => post.close()))
  }

  #ask(task: Omit<PooledTask, 'resolve' | 'reject'>): Promise<ImageAnswer> {
    if (this.#isClosing) return Promise.reject(new AlikeError('shutting_down'))
    if (this.#isOutOfOrder) return Promise.reject(outOfOrder())
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...task, resolve, reject })
      this.#assign()
    })
  }

  get #isOutOfOrder(): boolean {
    return this.#posts.every((post) => post.isOutOfOrder)
  }

  #assign(): void {
    if (!this.#hasStarted && this.processes > 0) {
      this.#hasStarted = true
      this.#onStarted.resolve()
    }
    for (let [task] = this.#waiting; task !== undefined; [task] = this.#waiting) {
      const post = this.#postFor(task.priority)
      if (post === undefined) return
      this.#waiting.shift()
      post.take(task)
    }
  }

  /** The one with the most room; for bulk the first one only if no other has any. */
  #postFor(priority: DecodePriority): DecoderPost | undefined {
    const others = this.#posts.slice(1)
    return (priority === 'bulk' ? roomiest(others) : undefined) ?? roomiest(this.#posts)
  }

  #processEnded({ pid, reason, wasReady, confinement }: ProcessEnd): void {
    this.#options.onProcessEnd?.()
    const isLoosened = !wasReady && this.#loosen(confinement)
    this.#options.logger.warn(
      { pid, reason },
      isLoosened ? 'a decoder process did not start; the next one is less confined' : 'a decoder process has exited',
    )
    if (!this.#isOutOfOrder) return
    this.#onStarted.reject(new AlikeError('internal', { detail: `Decoder processes cannot be started: ${reason}.` }))
    for (const { reject } of this.#waiting.splice(0)) reject(outOfOrder())
  }

  /**
   * Falls back to a weaker confinement as long as no process has ever started: after that, confinement is not the cause
   * of an exit.
   */
  #loosen(tried: Confinement): boolean {
    if (this.#hasStarted || tried !== this.#confinements[0] || this.#confinements.length === 1) return false
    this.#confinements.shift()
    return true
  }
}

function roomiest(posts: readonly DecoderPost[]): DecoderPost | undefined {
  let best: DecoderPost | undefined
  for (const post of posts) if (post.room > (best?.room ?? 0)) best = post
  return best
}

function withoutSignal(work: ImageWork): ImageWork {
  return work.kind === 'prepare' ? { ...work, options: { ...work.options, signal: undefined } } : work
}

function confinementsHere(): Confinement[] {
  const isLinux = process.platform === 'linux'
  const all = [
    { asNobody: true, limited: true },
    { asNobody: false, limited: true },
    { asNobody: false, limited: false },
  ]
  return all.filter(({ asNobody, limited }) => (!asNobody || process.getuid?.() === 0) && (!limited || isLinux))
}

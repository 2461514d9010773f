/** Decoding in processes of their own: a picture that ends its decoder takes nothing else with it. */
import { AlikeError } from '../errors.js'
import type { DecodeEngine, Permitted } from './decode-engine.js'
import { DecoderPost, type ImageAnswer, type ImageTask, outOfOrder, type ProcessEnd } from './decoder-post.js'
import type { Confinement, ProcessOptions } from './decoder-process.js'
import type { DecodedImage, ImageWork } from './image-work.js'

export interface DecoderPoolEvents {
  logger: { warn(fields: object, message: string): void }
  /** A decoder process ended that nobody had asked to. */
  onProcessEnd?: (() => void) | undefined
}

export interface DecoderPoolOptions extends DecoderPoolEvents, Omit<ProcessOptions, 'confinement'> {
  processes: number
}

/**
 * Set aside for a picture of which nothing is known yet. Nearly all take less, so that one message each way is enough;
 * the others are asked again once there is room for what their header tells.
 */
const ordinaryBytes = 16 * 2 ** 20

/** @throws AlikeError `internal` when no process starts */
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
  /** When the first process is ready. */
  readonly started: Promise<void>
  readonly #options: DecoderPoolOptions
  readonly #posts: DecoderPost[]
  /** Pictures with a permit that wait for a process: only while some are being started. */
  readonly #waiting: ImageTask[] = []
  /** The strictest way in which processes start here, first. */
  readonly #confinements = confinementsHere()
  #hasStarted = false
  #onStarted!: { resolve(): void; reject(error: AlikeError): void }
  #isClosing = false

  constructor(options: DecoderPoolOptions) {
    this.#options = options
    this.started = new Promise((resolve, reject) => {
      this.#onStarted = { resolve, reject }
    })
    const processOptions = () => ({ ...options, confinement: this.#confinements[0]! })
    this.#posts = Array.from(
      { length: options.processes },
      () =>
        new DecoderPost(processOptions, {
          onRoom: () => this.#assign(),
          onEnd: (end) => this.#processEnded(end),
        }),
    )
  }

  get processes(): number {
    return this.#posts.filter(({ isReady }) => isReady).length
  }

  /** Of the processes that run. */
  get pids(): number[] {
    return this.#posts.flatMap(({ pid }) => pid ?? [])
  }

  async decode(bytes: Uint8Array, work: ImageWork, permitted: Permitted): Promise<DecodedImage> {
    const ask = (grantedBytes: number) =>
      permitted(grantedBytes, () => this.#ask({ bytes, work: withoutSignal(work), grantedBytes }))
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

  #ask(task: Omit<ImageTask, 'resolve' | 'reject'>): Promise<ImageAnswer> {
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

  /** To the process with the most room. */
  #assign(): void {
    if (!this.#hasStarted && this.processes > 0) {
      this.#hasStarted = true
      this.#onStarted.resolve()
    }
    for (let [task] = this.#waiting; task !== undefined; [task] = this.#waiting) {
      const post = this.#posts.reduce((best, one) => (one.room > best.room ? one : best))
      if (post.room === 0) return
      this.#waiting.shift()
      post.take(task)
    }
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

  /** As long as none has started yet: afterwards what ends a process is no confinement. */
  #loosen(tried: Confinement): boolean {
    if (this.#hasStarted || tried !== this.#confinements[0] || this.#confinements.length === 1) return false
    this.#confinements.shift()
    return true
  }
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

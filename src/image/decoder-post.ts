/** Supervises one decoder process: hands it pictures, determines which one crashed it, and restarts it. */
import { AlikeError } from '../errors.js'
import { type Confinement, DecoderProcess, type ProcessOptions } from './decoder-process.js'
import { type DecoderReply, errorOf, imageOf, neededOf } from './decoder-protocol.js'
import type { DecodedImage, ImageWork } from './image-work.js'

/** `neededBytes`: more memory than was granted. */
export type ImageAnswer = DecodedImage | { neededBytes: number }

export interface ImageTask {
  work: ImageWork
  bytes: Uint8Array
  grantedBytes: number
  resolve(answer: ImageAnswer): void
  reject(error: AlikeError): void
}

export interface PostEvents {
  /** The process can accept another picture. */
  onRoom(): void
  onEnd(end: ProcessEnd): void
}

export interface ProcessEnd {
  pid: number | undefined
  reason: string
  /** Whether it had become ready to decode. */
  wasReady: boolean
  confinement: Confinement
}

/** No picture takes this long: the decoder hangs. */
const decodeMaxMs = 120_000
/** Consecutive exits after which the process counts as out of order until it becomes ready again. */
const endsTolerated = 3
const waits = { firstMs: 100, longestMs: 5_000 }

interface UnderWay extends ImageTask {
  /** It was in a process that ended; now it runs alone. */
  isSuspect: boolean
  isOverdue: boolean
  timer: NodeJS.Timeout
}

export class DecoderPost {
  readonly #options: () => ProcessOptions
  readonly #events: PostEvents
  readonly #underWay = new Map<number, UnderWay>()
  /** Pictures that were in a process when it ended; each is retried once, alone, before anything else. */
  #suspects: ImageTask[] = []
  #process: DecoderProcess | undefined
  #isReady = false
  /** Exits since the last answer. */
  #endsInRow = 0
  #lastCall = 0
  #nextStart: NodeJS.Timeout | undefined
  #closed: (() => void) | undefined

  /** @param options evaluated at each start */
  constructor(options: () => ProcessOptions, events: PostEvents) {
    this.#options = options
    this.#events = events
    this.#start()
  }

  get isReady(): boolean {
    return this.#isReady
  }

  get isOutOfOrder(): boolean {
    return !this.#isReady && this.#endsInRow >= endsTolerated
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Number of pictures it can accept now. */
  get room(): number {
    if (!this.#isReady || this.#closed !== undefined || this.#suspects.length > 0) return 0
    for (const { isSuspect } of this.#underWay.values()) if (isSuspect) return 0
    return this.#options().imagesAtOnce - this.#underWay.size
  }

  take(task: ImageTask, isSuspect = false): void {
    const call = ++this.#lastCall
    const timer = setTimeout(() => this.#giveUp(call), decodeMaxMs)
    this.#underWay.set(call, { ...task, isSuspect, isOverdue: false, timer })
    this.#process!.send({ call, work: task.work, grantedBytes: task.grantedBytes }, task.bytes)
  }

  /** Pictures in progress fail. */
  close(): Promise<void> {
    clearTimeout(this.#nextStart)
    return new Promise((resolve) => {
      this.#closed = resolve
      if (this.#process === undefined) this.#closeAfter([])
      else this.#process.kill()
    })
  }

  #start(): void {
    const options = this.#options()
    this.#process = new DecoderProcess(options, {
      onReply: (reply, body) => this.#answered(reply, body),
      onEnd: (reason) => this.#ended(reason, options.confinement),
    })
  }

  #answered(reply: DecoderReply, body: Buffer<ArrayBuffer>): void {
    if ('ready' in reply) {
      this.#isReady = true
      this.#goOn()
      return
    }
    const task = this.#underWay.get(reply.call)
    if (task === undefined) throw new RangeError('a decoder answered a call that there is not')
    const answer =
      'made' in reply
        ? imageOf(reply.made, body, task.work)
        : 'error' in reply
          ? errorOf(reply.error)
          : neededOf(reply.neededBytes, task.grantedBytes)
    this.#underWay.delete(reply.call)
    clearTimeout(task.timer)
    this.#endsInRow = 0
    if (answer instanceof AlikeError) task.reject(answer)
    else task.resolve(answer)
    this.#goOn()
  }

  #goOn(): void {
    if (this.#suspects.length === 0) this.#events.onRoom()
    else if (this.#underWay.size === 0) this.take(this.#suspects.shift()!, true)
  }

  #giveUp(call: number): void {
    this.#underWay.get(call)!.isOverdue = true
    this.#process!.kill()
  }

  #ended(reason: string, confinement: Confinement): void {
    const [wasReady, pid, lost] = [this.#isReady, this.pid, [...this.#underWay.values()]]
    this.#process = undefined
    this.#isReady = false
    this.#underWay.clear()
    for (const { timer } of lost) clearTimeout(timer)
    if (this.#closed !== undefined) {
      this.#closeAfter(lost)
      return
    }

    this.#endsInRow++
    // a process may also end for another reason, such as the kernel's lack of memory, even before it reads a picture
    const guilty = lost.find(({ isOverdue }) => isOverdue) ?? lost.find(({ isSuspect }) => isSuspect)
    guilty?.reject(
      new AlikeError('image_ended_decoder', {
        ...(guilty.isOverdue && { detail: `Decoding took more than ${decodeMaxMs / 1000} s.` }),
        cause: new Error(`decoder process ${pid}: ${reason}`),
      }),
    )
    this.#suspects.push(...lost.filter((task) => task !== guilty))
    this.#nextStart = setTimeout(
      () => this.#start(),
      this.#endsInRow === 1 ? 0 : Math.min(waits.longestMs, waits.firstMs * 2 ** (this.#endsInRow - 2)),
    )
    if (this.isOutOfOrder && !wasReady) for (const { reject } of this.#suspects.splice(0)) reject(outOfOrder())
    this.#events.onEnd({ pid, reason, wasReady, confinement })
  }

  #closeAfter(lost: ImageTask[]): void {
    for (const { reject } of [...lost, ...this.#suspects.splice(0)]) reject(new AlikeError('shutting_down'))
    this.#closed!()
  }
}

/** No decoder process can be started. */
export function outOfOrder(): AlikeError {
  return new AlikeError('overloaded', {
    detail: 'Its decoder processes exit as soon as they are started.',
    retryAfterSeconds: waits.longestMs / 1000,
  })
}

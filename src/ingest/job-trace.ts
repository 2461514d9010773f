/**
 * Traces the time of an ingestion: the commit of each group, and the stages of one picture in it. A job with a million
 * pictures must not create a million spans, so later groups are sampled more and more sparsely.
 */
import type { StageDurations } from './new-image.js'

/** As a trace takes it; times are those of `performance.now()`. */
export type TracePart = (
  name: string,
  startedAt: number,
  durationMs: number,
  attributes?: Readonly<Record<string, string | number>>,
) => void

/**
 * The first groups are all traced, then every second of twice as many, every fourth of four times as many, and so on.
 */
const groupsOfAll = 100

export class JobTrace {
  readonly #part: TracePart
  #groups = 0
  #stages: { startedAt: number; durations: StageDurations } | undefined

  constructor(part: TracePart) {
    this.#part = part
  }

  /** A picture was embedded; only the first of each group is traced. */
  embedded(startedAt: number, durations: StageDurations): void {
    this.#stages ??= { startedAt, durations }
  }

  /** A group was committed. */
  committed(startedAt: number, images: number): void {
    const every = 2 ** Math.floor(Math.log2(this.#groups / groupsOfAll + 1))
    const isTraced = this.#groups % every === 0
    this.#groups += 1
    const stages = this.#stages
    this.#stages = undefined
    if (!isTraced) return
    if (stages !== undefined) this.#traceStages(stages.startedAt, stages.durations)
    this.#part('commit', startedAt, performance.now() - startedAt, { 'alike.images': images })
  }

  #traceStages(startedAt: number, { decodeMs, queueMs, embedMs }: StageDurations): void {
    let at = startedAt
    for (const [name, durationMs] of [
      ['decode', decodeMs],
      ['queue', queueMs],
      ['embed', embedMs],
    ] as const) {
      this.#part(name, at, durationMs)
      at += durationMs
    }
  }
}

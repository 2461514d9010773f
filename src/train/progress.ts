/** Progress messages of a run. */
import { AlikeError } from '../errors.js'
import type { EpochPart, EpochRecord, RunState } from './checkpoint.js'

const minLineIntervalMs = 15_000

const nothing: EpochPart = { lossSum: 0, batches: 0, images: 0, waitedMs: 0, seconds: 0 }

/** Counts an epoch's batches and reports periodically. @param now milliseconds */
export class EpochProgress {
  readonly #part: EpochPart
  readonly #before: EpochPart
  readonly #started: number
  #lastLine: number

  /** @param before the run was resumed in this epoch */
  constructor(now: number, before: EpochPart = nothing) {
    this.#part = { ...before }
    this.#before = before
    this.#started = this.#lastLine = now
  }

  get loss(): number {
    return this.#part.lossSum / this.#part.batches
  }

  seconds(now: number): number {
    return this.#part.seconds + (now - this.#started) / 1000
  }

  /** For a checkpoint. */
  part(now: number): EpochPart {
    return { ...this.#part, seconds: this.seconds(now) }
  }

  /** Time that the device was idle because pictures were not ready. */
  waited(ms: number): void {
    this.#part.waitedMs += ms
  }

  /** Pictures per second so far, and the share of the time spent waiting for pictures. */
  pace(now: number): { picturesPerSecond: number; waitedShare: number } {
    return {
      picturesPerSecond: this.#part.images / this.seconds(now),
      waitedShare: this.#part.waitedMs / 1000 / this.seconds(now),
    }
  }

  /**
   * The whole epoch at the pace since it was resumed: the machine may have been busier before.
   * @param trained, judged when its last batch and its evaluation ended
   * @returns null if no batch was trained since
   */
  timed({
    trained,
    judged,
  }: {
    trained: number
    judged: number
  }): { seconds: number; picturesPerSecond: number } | null {
    const batches = this.#part.batches - this.#before.batches
    if (batches === 0) return null
    const [training, judging] = [(trained - this.#started) / 1000, (judged - trained) / 1000]
    return {
      seconds: (training * this.#part.batches) / batches + judging,
      picturesPerSecond: (this.#part.images - this.#before.images) / training,
    }
  }

  /**
   * @returns a line if the last one is old enough
   * @throws AlikeError `training_diverged` if the loss is not finite: it never is again
   */
  add(loss: number, images: number, where: string, now: number): string | null {
    if (!Number.isFinite(loss))
      throw new AlikeError('training_diverged', {
        detail: `The loss is ${loss} in ${where}; --finish exports the best earlier epoch.`,
      })
    this.#part.lossSum += loss
    this.#part.batches++
    this.#part.images += images
    if (now - this.#lastLine < minLineIntervalMs) return null
    this.#lastLine = now
    return `  ${where} loss ${this.loss.toFixed(3)} ${paceText(this.pace(now).picturesPerSecond)}`
  }
}

/** Where a run goes on. */
export function resumedLine({ epoch, batch }: RunState, epochs: number): string {
  if (epoch >= epochs) return `all ${epochs} epochs are done`
  return `resumed in epoch ${epoch + 1}/${epochs}${batch === 0 ? '' : ` after batch ${batch}`}`
}

/** Which weights a run exports that does not train. */
export const exportedLine = ({ best, epoch }: RunState): string =>
  `weights of epoch ${best!.epoch + 1}, the best of ${epoch}`

/** The line after an epoch. @param secondsLeft of the whole run, including export; null if there is no estimate yet */
export function epochLine(
  { epoch, side, loss, picturesPerSecond, waitedShare, seconds, val }: EpochRecord,
  { best }: RunState,
  { epochs, secondsLeft }: { epochs: number; secondsLeft: number | null },
): string {
  const quality =
    val === null
      ? 'not judged'
      : `val mAP@10 ${val.mAP10?.toFixed(3) ?? '–'} accuracy ${val.accuracy.toFixed(3)}${best?.epoch === epoch ? ' (best)' : ''}`
  const pace = `${paceText(picturesPerSecond)}${waitedShare === undefined ? '' : `, ${(waitedShare * 100).toFixed(0)} % of it waiting for them`}`
  const left = secondsLeft === null ? '' : `, about ${durationOf(secondsLeft)} left with the export`
  return `epoch ${epoch + 1}/${epochs} side ${side} loss ${loss.toFixed(3)} ${quality}, ${pace}, ${seconds.toFixed(0)} s${left}`
}

const paceText = (picturesPerSecond: number): string =>
  `${picturesPerSecond.toFixed(picturesPerSecond < 10 ? 1 : 0)} pictures/s`

/** A readable duration: 45 s, 12 min, 3 h 20 min. */
export function durationOf(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

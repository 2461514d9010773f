/** The files of a run: its last checkpoint, and the averaged weights of its best epoch. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type * as tf from '@tensorflow/tfjs-core'
import { loadCheckpoint, type RunState, saveCheckpoint, type VariableGroups } from './checkpoint.js'
import { RunClaim } from './run-claim.js'
import { forgetRun, hasCheckpoint, type NamedRun } from './run-folder.js'

type Average = readonly tf.Variable[]

/** Everything but `load` throws AlikeError `run_exists` once another process has written them, see `RunClaim`. */
export class RunFiles {
  /** Whether the run continues from its last checkpoint. */
  readonly isContinued: boolean
  readonly #last: string
  readonly #best: string
  readonly #fingerprint: string
  readonly #claim: RunClaim

  private constructor(
    [last, best]: readonly [string, string],
    fingerprint: string,
    claim: RunClaim,
    isContinued: boolean,
  ) {
    this.#last = last
    this.#best = best
    this.#fingerprint = fingerprint
    this.#claim = claim
    this.isContinued = isContinued
  }

  /**
   * A run that starts anew removes those of an older one.
   * @param fingerprint must be equal for a file to load
   */
  static async open(
    { work, name, resume, exportOnly }: Omit<NamedRun, 'out' | 'force'>,
    fingerprint: string,
    log: (line: string) => void,
  ): Promise<RunFiles> {
    const folder = join(work, name)
    await mkdir(folder, { recursive: true })
    const files = [join(folder, 'checkpoint.safetensors'), join(folder, 'best.safetensors')] as const
    if (!resume && !exportOnly) await forgetRun(files)
    const isContinued = resume && !exportOnly && (await hasCheckpoint(files[0], log))
    return new RunFiles(files, fingerprint, await RunClaim.of(files), isContinued)
  }

  /** @throws AlikeError `run_not_found`, `run_differs`, `run_unreadable` */
  load(groups: VariableGroups): Promise<RunState> {
    return loadCheckpoint(this.#last, groups, this.#fingerprint)
  }

  /** @returns the state after the best epoch @throws AlikeError as `load` */
  loadBest(average: Average): Promise<RunState> {
    return this.#claim.guard(() => loadCheckpoint(this.#best, { average }, this.#fingerprint))
  }

  save(groups: VariableGroups, state: RunState): Promise<void> {
    return this.#claim.guard(() => saveCheckpoint(this.#last, groups, state, this.#fingerprint))
  }

  saveBest(average: Average, state: RunState): Promise<void> {
    return this.#claim.guard(() => saveCheckpoint(this.#best, { average }, state, this.#fingerprint))
  }
}

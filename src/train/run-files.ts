/** The files of a run: its last checkpoint, and the averaged weights of its best epoch. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type * as tf from '@tensorflow/tfjs-core'
import { ignoring } from '../errors.js'
import { removeAbandoned } from './abandoned.js'
import { loadCheckpoint, type RunState, saveCheckpoint, type VariableGroups } from './checkpoint.js'
import { RunClaim } from './run-claim.js'
import { forgetRun, hasCheckpoint, type NamedRun } from './run-folder.js'
import { unfinished } from './safetensors.js'

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
    const names = ['checkpoint.safetensors', 'best.safetensors'] as const
    for (const name of names) await removeAbandoned(folder, `${name}${unfinished}`)
    const files = [join(folder, names[0]), join(folder, names[1])] as const
    if (!resume && !exportOnly) await forgetRun(files)
    const isContinued = resume && !exportOnly && (await hasCheckpoint(files[0], log))
    return new RunFiles(files, fingerprint, await RunClaim.of(files), isContinued)
  }

  /** @throws AlikeError `run_not_found`, `run_differs`, `run_unreadable` */
  load(groups: VariableGroups): Promise<RunState> {
    return loadCheckpoint(this.#last, groups, this.#fingerprint)
  }

  /** @returns the state after the best epoch @throws AlikeError as `load` */
  async loadBest(average: Average): Promise<RunState> {
    await this.#claim.expectOwn()
    return loadCheckpoint(this.#best, { average }, this.#fingerprint)
  }

  /**
   * Also of a run that was killed between its two files.
   * @returns the last known state of the run, with the best epoch loaded @throws AlikeError as `load`
   */
  async loadFinished(average: Average): Promise<RunState & { best: NonNullable<RunState['best']> }> {
    const atBest = await this.loadBest(average)
    const last = await this.load({}).catch(ignoring('run_not_found'))
    const state = last !== undefined && last.epoch >= atBest.epoch ? last : atBest
    return { ...state, best: atBest.best! }
  }

  save(groups: VariableGroups, state: RunState): Promise<void> {
    return this.#replace(this.#last, groups, state)
  }

  saveBest(average: Average, state: RunState): Promise<void> {
    return this.#replace(this.#best, { average }, state)
  }

  #replace(file: string, groups: VariableGroups, state: RunState): Promise<void> {
    const fingerprint = this.#fingerprint
    return this.#claim.replace(file, (mayReplace) => saveCheckpoint(file, { groups, state, fingerprint, mayReplace }))
  }
}

/** Notices that another process writes the checkpoints of the same run: each would end with weights of the other. */
import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AlikeError } from '../errors.js'

export class RunClaim {
  /** Path → what the file is as long as only this process writes it. */
  readonly #stamps: Map<string, string>

  private constructor(stamps: Map<string, string>) {
    this.#stamps = stamps
  }

  /** @param files of the run, as they are now */
  static async of(files: readonly string[]): Promise<RunClaim> {
    return new RunClaim(new Map(await Promise.all(files.map(async (file) => [file, await stampOf(file)] as const))))
  }

  /**
   * @param write replaces the file once `mayReplace` allows it; right before, because of two that write at the same time
   * each would otherwise find the file of the other, and neither would go on
   * @throws AlikeError `run_exists` instead, if another process has changed a file
   */
  async replace(file: string, write: (mayReplace: () => Promise<void>) => Promise<BigIntStats>): Promise<void> {
    this.#stamps.set(file, stampFrom(await write(() => this.expectOwn())))
  }

  /** @throws AlikeError `run_exists` */
  async expectOwn(): Promise<void> {
    for (const [file, stamp] of this.#stamps) {
      if ((await stampOf(file)) === stamp) continue
      throw new AlikeError('run_exists', {
        detail: `Another process trains the run in ${dirname(file)}, so this one ends: choose another --name.`,
      })
    }
  }
}

const stampOf = (file: string): Promise<string> => stat(file, { bigint: true }).then(stampFrom, () => 'none')

/** A file is replaced as a whole, and so gets another number or time. */
const stampFrom = ({ ino, mtimeNs, size }: BigIntStats): string => `${ino} ${mtimeNs} ${size}`

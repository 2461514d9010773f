/** Notices that another process writes the checkpoints of the same run: each would end with weights of the other. */
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AlikeError } from '../errors.js'

export class RunClaim {
  readonly #files: readonly string[]
  #last: string

  private constructor(files: readonly string[], last: string) {
    this.#files = files
    this.#last = last
  }

  /** @param files of the run, as they are now */
  static async of(files: readonly string[]): Promise<RunClaim> {
    return new RunClaim(files, await stampOf(files))
  }

  /**
   * @param work reads or writes them
   * @throws AlikeError `run_exists` instead, if another process has changed them
   */
  async guard(work: () => Promise<unknown>): Promise<void> {
    await this.#expectUnchanged()
    await work().catch(async (error: unknown) => {
      await this.#expectUnchanged() // it may have failed because the other one replaced the file meanwhile
      throw error
    })
    this.#last = await stampOf(this.#files)
  }

  async #expectUnchanged(): Promise<void> {
    if ((await stampOf(this.#files)) !== this.#last)
      throw new AlikeError('run_exists', {
        detail: `Another process trains the run in ${dirname(this.#files[0]!)}: this one ends, and --name chooses another name.`,
      })
  }
}

/** A file is replaced as a whole, and so gets another number or time. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = await Promise.all(
    files.map((file) =>
      stat(file, { bigint: true }).then(
        ({ ino, mtimeNs, size }) => `${ino} ${mtimeNs} ${size}`,
        () => 'none',
      ),
    ),
  )
  return stamps.join()
}

/** Runs the programs that the set-up needs: npm, tar, pip, the compiler. */
import { spawnSync } from 'node:child_process'

/** @returns its output @throws Error if it is missing or fails */
export function execute(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (error !== undefined)
    throw new Error(`${program} could not be started: it is needed for this set-up.`, { cause: error })
  if (status !== 0) {
    console.error(stderr.trimEnd())
    throw new Error(`${program} ended with status ${status}.`)
  }
  return stdout
}

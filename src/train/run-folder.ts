/** Refuses to overwrite an existing network or run of the same name unless told to. */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AlikeError } from '../errors.js'

export interface NamedRun {
  name: string
  out: string
  work: string
  /** These continue an existing run. */
  resume: boolean
  exportOnly: boolean
  force: boolean
}

/** @throws AlikeError `run_exists` */
export async function expectUnused({ name, out, work, resume, exportOnly, force }: NamedRun): Promise<void> {
  if (resume || exportOnly || force) return
  const taken = [
    { path: join(out, name, 'manifest.json'), what: `the network ${join(out, name)}` },
    { path: join(work, name, 'checkpoint.safetensors'), what: `a run in ${join(work, name)}` },
  ]
  for (const { path, what } of taken) {
    if (!(await exists(path))) continue
    throw new AlikeError('run_exists', {
      detail: `It is ${what}: --resume continues it, --force overwrites it, --name chooses another name.`,
    })
  }
}

/**
 * Removes the checkpoints of an older run of the same name: stopped before its own first one, the new run would be
 * resumed from them.
 */
export async function forgetRun(checkpoints: readonly string[]): Promise<void> {
  for (const file of checkpoints) await rm(file, { force: true })
}

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** The folders that a run writes to; refuses to overwrite an existing network or run of the same name unless told to. */
import { access, constants, readdir, readFile, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { makeFolder as makeMissing } from '../durable-files.js'
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

/** An import has no run. */
type NewNetwork = Pick<NamedRun, 'name' | 'out' | 'force'> & Partial<NamedRun>

/**
 * Before the first epoch: a run must not find out after the last one that there is nowhere to write its network.
 * @throws AlikeError `folder_unwritable`
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeMissing(path)
    await access(path, constants.W_OK)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const detail = `${path} cannot be ${code === 'ENOENT' ? 'created' : `written to (${code})`}.`
    throw new AlikeError('folder_unwritable', { detail, cause })
  }
}

/**
 * A run that is resumed without a checkpoint starts anew, which would overwrite a network that is not its own.
 * @throws AlikeError `run_exists`, also as `expectReplaceable`; `folder_unwritable` if the network, which replaces its
 * folder as a whole, would take that of the run with it
 */
export async function expectUnused({ name, out, work, resume, exportOnly, force }: NewNetwork): Promise<void> {
  const network = join(out, name)
  if (work !== undefined && `${await placeOf(join(work, name))}/`.startsWith(`${await placeOf(network)}/`)) {
    const detail = `The network ${network} would replace the checkpoints in ${work}: --work chooses another folder.`
    throw new AlikeError('folder_unwritable', { detail })
  }
  await expectReplaceable(network)
  if (exportOnly || force) return
  const run = work && join(work, name)
  const hasRun = run !== undefined && (await exists(join(run, 'checkpoint.safetensors')))
  const hasNetwork = await exists(join(network, 'manifest.json'))
  if (hasRun ? resume : !hasNetwork) return
  const what = hasNetwork ? `the network ${network}` : `a run in ${run}`
  const ways = ['--force overwrites it', '--name chooses another name']
  if (run !== undefined) ways.unshift(hasRun ? '--resume continues it' : `there is no run in ${run} to resume`)
  throw new AlikeError('run_exists', { detail: `It is ${what}: ${ways.join(', ')}.` })
}

/** Absolute and without links; of what does not exist yet, as far as it does. */
async function placeOf(path: string): Promise<string> {
  return realpath(path).catch(async () => {
    const whole = resolve(path)
    const parent = dirname(whole)
    return parent === whole ? whole : join(await placeOf(parent), basename(whole))
  })
}

/**
 * A network replaces its folder as a whole: one with the user's pictures, for example, would be lost.
 * @throws AlikeError `run_exists` for a folder of something else
 */
async function expectReplaceable(folder: string): Promise<void> {
  // what is there and cannot be listed is a file
  const names = await readdir(folder).catch(async () => ((await exists(folder)) ? [folder] : []))
  if (names.length === 0 || names.includes('manifest.json')) return
  throw new AlikeError('run_exists', {
    detail: `${folder} is there and is no network: --name or --out chooses another place.`,
  })
}

/** Id of the network in a folder; undefined without one. */
export const networkIn = (folder: string): Promise<unknown> =>
  readFile(join(folder, 'manifest.json'), 'utf8')
    .then((text) => (JSON.parse(text) as { id?: unknown }).id)
    .catch(() => undefined)

/**
 * A run whose checkpoints are elsewhere, on another host for example, may have written a network of the same name.
 * @param before id of the network that was there when the run began @throws AlikeError `run_exists`
 */
export async function expectSameNetwork(folder: string, before: unknown): Promise<void> {
  const now = await networkIn(folder)
  if (now === undefined || now === before) return
  throw new AlikeError('run_exists', {
    detail: `Another run has written ${folder} meanwhile: --finish overwrites it, with another --out it is kept.`,
  })
}

/**
 * Whether a run to be resumed has a checkpoint. Without one it starts anew, because a job that is restarted
 * automatically has `--resume` from its first start on; the log tells everyone else.
 */
export async function hasCheckpoint(path: string, log: (line: string) => void): Promise<boolean> {
  if (await exists(path)) return true
  log(`no checkpoint in ${dirname(path)}: the run starts with its first epoch`)
  return false
}

/**
 * Removes the checkpoints of an older run of the same name: stopped before its own first one, the new run would be
 * resumed from them.
 */
export async function forgetRun(checkpoints: readonly string[]): Promise<void> {
  for (const file of checkpoints) await rm(file, { force: true })
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

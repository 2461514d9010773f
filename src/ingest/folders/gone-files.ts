/** Files of a watched folder that were taken and are gone: found in slices, because a folder may hold a million. */
import { AlikeError } from '../../errors.js'
import { nfc } from '../../text.js'
import { nextTurn } from '../../turns.js'
import { segmentsOf } from '../names.js'

/** Paths looked at before requests get a turn: a few milliseconds. */
const pathsPerTurn = 1_000

/**
 * @param paths of the files that are there
 * @param closed files and folders that were not examined
 * @returns `keeping`: those of them that may still hold files that were taken
 */
export async function goneFiles(
  taken: Iterable<string>,
  paths: ReadonlySet<string>,
  closed: ReadonlySet<string>,
): Promise<{ gone: string[]; keeping: ReadonlySet<string> }> {
  const gone: string[] = []
  const keeping = new Set<string>()
  for await (const path of inTurns(taken)) {
    if (paths.has(path)) continue
    const part = closed.size === 0 ? undefined : [path, ...foldersAbove(path)].find((one) => closed.has(one))
    if (part === undefined) gone.push(path)
    else keeping.add(part)
  }
  return { gone, keeping }
}

/** From the one that contains the file upwards. */
export function* foldersAbove(path: string): Generator<string> {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) yield path.slice(0, end)
}

/** Those whose id no other file has: names differ in their Unicode form, or have `\` as a separator. */
export async function withoutNamesakes(gone: readonly string[], paths: Iterable<string>): Promise<string[]> {
  if (gone.length === 0) return []
  const ids = new Set<string>()
  for await (const path of inTurns(gone)) ids.add(idOf(path))
  for await (const path of inTurns(paths)) ids.delete(idOf(path))
  const without: string[] = []
  for await (const path of inTurns(gone)) if (ids.has(idOf(path))) without.push(path)
  return without
}

export async function* inTurns(paths: Iterable<string>): AsyncGenerator<string> {
  let count = 0
  for (const path of paths) {
    if (++count % pathsPerTurn === 0) await nextTurn()
    yield path
  }
}

/** Also of a path that can be no id. */
function idOf(path: string): string {
  return segmentsOf(nfc(path)).join('/')
}

/**
 * @param gone files that were taken and no longer exist
 * @throws AlikeError `source_unreadable` for an empty folder: more likely an unmounted drive
 */
export function expectFilled(gone: readonly string[], paths: ReadonlySet<string>): void {
  if (gone.length > 0 && paths.size === 0)
    throw new AlikeError('source_unreadable', {
      detail: 'The folder is empty, perhaps because its drive is not mounted: nothing is removed.',
    })
}

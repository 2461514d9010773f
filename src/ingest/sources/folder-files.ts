/** The changes in a watched folder, as listed by a scan: files to take and ids to remove. */
import { AlikeError } from '../../errors.js'
import { readUnchanged } from '../folders/folder-scan.js'
import { fileReference } from '../folders/referenced-file.js'
import { prefixed, type WatchedFolder } from '../folders/watched-folders.js'
import { nameOf, shownName } from '../names.js'
import type { Source, SourceDescription, SourceItem, SourceLimits } from '../source.js'
import { openLines } from './lines.js'

/** A file to take, as scanned, or one that is gone. */
export type FolderChange = { path: string; stamp: string; bytes: number } | { path: string; gone: true }

/** Paths have at most 4,096 bytes, and JSON escapes expand each to at most six. */
const lineMaxBytes = 32 * 1024

export async function* changeLines(changes: Iterable<FolderChange>): AsyncGenerator<Buffer> {
  for (const change of changes) yield Buffer.from(`${JSON.stringify(change)}\n`)
}

type PlaceOfPaths = Omit<WatchedFolder, 'gallery'>

/** @throws AlikeError `source_not_allowed` if the folder is no longer watched, or has another prefix */
export function openFolderFiles(
  file: string,
  { folder = '', prefix }: SourceDescription,
  { folders, limits }: { folders: readonly PlaceOfPaths[]; limits: SourceLimits },
): Promise<Source> {
  if (!folders.some((one) => one.folder === folder && one.prefix === prefix))
    throw new AlikeError('source_not_allowed', {
      detail: 'The folder is no longer in WATCH_FOLDERS, or has another prefix.',
    })
  return openLines(file, {
    lineMaxBytes,
    itemOf: (line, index) =>
      itemOf(JSON.parse(line!.toString()) as FolderChange, { index, place: { folder, prefix }, limits }),
  })
}

function itemOf(
  change: FolderChange,
  { index, place, limits }: { index: number; place: PlaceOfPaths; limits: SourceLimits },
): SourceItem {
  const { folder } = place
  const name = shownName(prefixed(place, change.path))
  try {
    // see `scanFolder`
    if (change.path.includes('\ufffd')) throw new AlikeError('name_unreadable', { detail: 'It is not UTF-8.' })
    // the prefix says where the folder is, not what its pictures show
    const { label } = nameOf(change.path)
    const { id } = nameOf(prefixed(place, change.path))
    if ('gone' in change) return { index, name, remove: id }
    const read = () => readUnchanged(folder, change, limits.uploadMaxBytes)
    return { index, name, id, label, origin: fileReference(folder, change.path), size: change.bytes, read }
  } catch (error) {
    if (error instanceof AlikeError) return { index, name, error }
    throw error
  }
}

/** Parses the owner's list of watched folders and their galleries. */
import { isAbsolute, normalize, relative } from 'node:path'
import { AlikeError } from '../../errors.js'
import { nfc } from '../../text.js'
import { nameOf } from '../names.js'

export interface WatchedFolder {
  gallery: string
  /** Of the ids, without the slash that follows it; none: an id is a path below the folder. */
  prefix?: string | undefined
  /** Absolute path. */
  folder: string
}

/** The path whose normal form is the id. */
export function prefixed({ prefix }: Pick<WatchedFolder, 'prefix'>, path: string): string {
  return prefix === undefined ? path : `${prefix}/${path}`
}

/**
 * @param list such as `actions=/srv/photos, scans/office=/mnt/scanner`, separated by commas
 * @throws AlikeError `config_invalid`
 */
export function watchedFolders(list: string, dataDir: string): WatchedFolder[] {
  const watched = list
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map(folderOf)
  for (const [at, { gallery, prefix, folder }] of watched.entries()) {
    if (lieInEachOther(folder, dataDir)) throw invalid(`${folder} and DATA_DIR lie in each other.`)
    for (const sibling of watched.slice(0, at).filter((one) => one.gallery === gallery)) {
      // their files `a/1.jpg` would be one picture, which either of them may remove
      if (overlap(sibling.prefix, prefix))
        throw invalid(
          `${sibling.folder} and ${folder} would share ids in ${gallery}: give each a prefix of its own, as in ` +
            `${gallery}/first=${sibling.folder}, or its own gallery, or watch one folder that contains both.`,
        )
      if (lieInEachOther(sibling.folder, folder))
        throw invalid(`${sibling.folder} and ${folder} lie in each other: pictures would be twice in ${gallery}.`)
    }
  }
  return watched
}

function folderOf(text: string): WatchedFolder {
  const [, gallery, prefix, path] = /^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\/([^=]*))?=(.+)$/.exec(text) ?? []
  if (gallery === undefined || path === undefined || !isAbsolute(path))
    throw invalid(`"${text}" is not of the form gallery=/absolute/path or gallery/prefix=/absolute/path.`)
  const folder = normalize(path).replace(/(?<=.)\/$/, '')
  return prefix === undefined ? { gallery, folder } : { gallery, prefix: prefixOf(prefix), folder }
}

function prefixOf(text: string): string {
  try {
    if (nameOf(text).id === nfc(text.trim())) return nfc(text)
  } catch (error) {
    if (!(error instanceof AlikeError)) throw error
  }
  throw invalid(
    `"${text}" cannot be the prefix of an id: it must be like the path of a folder, such as nas1 or nas/first.`,
  )
}

/** Whether a path can have both prefixes. */
function overlap(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return true
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`)
}

function lieInEachOther(one: string, other: string): boolean {
  return isBelow(one, other) || isBelow(other, one)
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || (way !== '..' && !way.startsWith('../'))
}

function invalid(detail: string): AlikeError {
  return new AlikeError('config_invalid', { detail: `WATCH_FOLDERS: ${detail}` })
}

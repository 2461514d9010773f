/** Parses the owner's list of watched folders and their galleries. */
import { isAbsolute, normalize, relative } from 'node:path'
import { AlikeError } from '../../errors.js'

export interface WatchedFolder {
  gallery: string
  /** Absolute path. */
  folder: string
}

/**
 * @param list such as `actions=/srv/photos, scans=/mnt/scanner`, separated by commas
 * @throws AlikeError `config_invalid`
 */
export function watchedFolders(list: string, dataDir: string): WatchedFolder[] {
  const watched = list
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map(folderOf)
  for (const [at, { gallery, folder }] of watched.entries()) {
    if (isBelow(folder, dataDir) || isBelow(dataDir, folder)) throw invalid(`${folder} and DATA_DIR lie in each other.`)
    // their files `a/1.jpg` would be one picture, which either of them may remove
    const sibling = watched.slice(0, at).find((one) => one.gallery === gallery)
    if (sibling !== undefined)
      throw invalid(
        `${sibling.folder} and ${folder} would share ids in ${gallery}, because ids are paths below the folder: ` +
          'watch one folder that contains both, or give each its own gallery.',
      )
  }
  return watched
}

function folderOf(text: string): WatchedFolder {
  const [, gallery, path] = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)$/.exec(text) ?? []
  if (gallery === undefined || path === undefined || !isAbsolute(path))
    throw invalid(`"${text}" is not of the form gallery=/absolute/path.`)
  return { gallery, folder: normalize(path).replace(/(?<=.)\/$/, '') }
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || (way !== '..' && !way.startsWith('../'))
}

function invalid(detail: string): AlikeError {
  return new AlikeError('config_invalid', { detail: `WATCH_FOLDERS: ${detail}` })
}

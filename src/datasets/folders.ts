/** A folder per class, or a folder per split with a folder per class below. Pictures may lie deeper in that of their class. */
import { isUtf8 } from 'node:buffer'
import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AlikeError } from '../errors.js'
import { type LabelledImage, type Split, splitNamed, splits } from './labelled-image.js'

export const imageName = /\.(jpe?g|jfif|png|webp|gif|avif|tiff?|bmp|dib|hei[cf]|hif|jxl)$/i

export async function readFolders(folder: string): Promise<LabelledImage[]> {
  const names = await subfolders(folder)
  if (!areSplits(names)) return expectClasses(await readClasses(folder, '', undefined), names)
  const found = await Promise.all(names.map((name) => readClasses(join(folder, name), `${name}/`, splitNamed(name))))
  const images = found.flat()
  const missing = splits.find((split) => split !== 'val' && !images.some((image) => image.split === split))
  if (missing !== undefined)
    throw new AlikeError('dataset_unusable', {
      detail: `The folders have no pictures for the split "${missing}": without folders for splits, one is drawn.`,
    })
  return images
}

/** What `readFolders` leaves out: paths below the folder. */
export interface LeftOut {
  /** Pictures that lie beside the folders of labels, and so have none. */
  pictures: string[]
  /** Folders of labels without a picture. */
  folders: string[]
}

export async function leftOutOf(folder: string): Promise<LeftOut> {
  const names = await subfolders(folder)
  const holders = areSplits(names) ? ['', ...names.map((name) => `${name}/`)] : ['']
  const pictures = await Promise.all(
    holders.map(async (prefix) =>
      (await readdir(join(folder, prefix))).filter(isShownPicture).map((name) => `${prefix}${name}`),
    ),
  )
  const folders: string[] = []
  for (const prefix of holders.length > 1 ? holders.slice(1) : holders)
    for (const label of await subfolders(join(folder, prefix)))
      if (!(await hasPicture(join(folder, prefix, label)))) folders.push(`${prefix}${label}`)
  return { pictures: pictures.flat().sort(), folders: folders.sort() }
}

/** Every picture of a folder, however deep it lies; their label is empty. @throws AlikeError `dataset_unusable` */
export async function readPictures(folder: string): Promise<LabelledImage[]> {
  const names = (await picturesBelow(folder)).sort()
  return names.map((id) => ({ id, label: '', group: id, source: { path: join(folder, id) } }))
}

const areSplits = (names: readonly string[]): boolean => names.length > 0 && names.every(isSplitName)

const isSplitName = (name: string): boolean => splitNamed(name) !== undefined

/** A folder next to those of the splits would make classes of them. */
function expectClasses(images: LabelledImage[], names: readonly string[]): LabelledImage[] {
  const split = names.find((name) => {
    const own = isSplitName(name) ? images.filter(({ label }) => label === name) : []
    return own.length > 0 && own.every(({ id }) => id.split('/').length > 2)
  })
  if (split === undefined) return images
  const other = names.find((name) => !isSplitName(name))
  throw new AlikeError('dataset_unusable', {
    detail: `The folder "${split}" holds folders, as a split does, but "${other}" next to it is no split.`,
  })
}

async function readClasses(folder: string, prefix: string, split: Split | undefined): Promise<LabelledImage[]> {
  const images: LabelledImage[] = []
  for (const label of await subfolders(folder)) {
    for (const name of await picturesBelow(join(folder, label))) {
      const id = `${prefix}${label}/${name}`
      images.push({ id, label, group: id, source: { path: join(folder, label, name) }, ...(split && { split }) })
    }
  }
  return images
}

/** @returns paths below the folder */
async function picturesBelow(folder: string): Promise<string[]> {
  try {
    const paths: string[] = []
    for await (const path of pathsBelow(folder)) paths.push(path)
    await expectDecoded(folder, paths)
    return paths.filter(isShownPicture)
  } catch (cause) {
    throw unreadable(folder, cause)
  }
}

function unreadable(folder: string, cause: unknown): AlikeError {
  if (cause instanceof AlikeError) return cause
  return new AlikeError('dataset_unusable', { detail: `The folder of pictures ${folder} cannot be read.`, cause })
}

/**
 * Of everything in the folder and in those below it, links included, except what is hidden.
 * @param above the real paths of the folders that it lies in: a link back to one of them would never end
 */
async function* pathsBelow(folder: string, above: readonly string[] = []): AsyncGenerator<string> {
  const real = await realpath(folder)
  if (above.includes(real)) return
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const { name } = entry
    if (isHidden(name)) continue
    yield name
    const path = join(folder, name)
    if ((entry.isDirectory() || entry.isSymbolicLink()) && (await isFolder(path)))
      for await (const below of pathsBelow(path, [...above, real])) yield `${name}/${below}`
  }
}

/** Reads no further than to the first one. */
async function hasPicture(folder: string): Promise<boolean> {
  for await (const path of pathsBelow(folder)) if (isShownPicture(path)) return true
  return false
}

/**
 * Names are bytes, and what is not UTF-8 in them becomes U+FFFD: a folder is not found by such a name, and its pictures
 * would be left out.
 * @param paths below the folder @throws AlikeError `dataset_unusable` for a picture or a folder with such a name
 */
async function expectDecoded(folder: string, paths: readonly string[]): Promise<void> {
  const doubtful = paths.filter((path) => path.includes('\ufffd') && !isHidden(path))
  for (const place of new Set(doubtful.map((path) => join(folder, dirname(path)))))
    for (const name of await readdir(place, { encoding: 'buffer' })) {
      const shown = String(name)
      if (isUtf8(name) || isHidden(shown)) continue
      if (!imageName.test(shown) && !(await isFolder(Buffer.concat([Buffer.from(`${place}/`), name])))) continue
      const detail = `The name "${shown}" in ${place} is not UTF-8: rename it.`
      throw new AlikeError('dataset_unusable', { detail })
    }
}

/** @param path below the folder of a class */
const isHidden = (path: string): boolean => /(^|\/)\./.test(path)

const isShownPicture = (path: string): boolean => imageName.test(path) && !isHidden(path)

/** Links to folders included. */
async function subfolders(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    const possible = entries
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map(({ name }) => name)
      .filter((name) => !isHidden(name))
    await expectDecoded(folder, possible)
    const names: string[] = []
    for (const name of possible) if (await isFolder(join(folder, name))) names.push(name)
    return names.sort()
  } catch (cause) {
    throw unreadable(folder, cause)
  }
}

/** False for a link that leads nowhere, and for a name that was not decoded. */
const isFolder = (path: string | Buffer): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )

/**
 * Files that desktops, cameras and network disks leave among pictures: thumbnails, recycle bins, sidecars. One rule for
 * archives, forms and the ingest command. Files named by a manifest are never litter.
 */
import { segmentsOf } from './names.js'

export const litterRules = ['skip', 'take'] as const
export type LitterRule = (typeof litterRules)[number]

/**
 * Names of files and folders, in lower case; names that begin with a dot are litter too (`.DS_Store`, `._a.jpg`,
 * `.Trash-1000`, `.git`).
 */
const names = new Set([
  '__macosx',
  'icon\r',
  'network trash folder',
  'temporary items', // macOS
  'thumbs.db',
  'ehthumbs.db',
  'ehthumbs_vista.db',
  'desktop.ini',
  '$recycle.bin',
  'recycler',
  'system volume information', // Windows
  'lost+found', // Linux
  '@eadir',
  '#recycle',
  '#snapshot',
  '@tmp',
  '@sharebin', // Synology
  '@recycle',
  '@recently-snapshot', // QNAP
  'picasa.ini',
  'zbthumbnail.info',
])

/** Files beside a picture that describe it or its folder. */
const sidecar =
  /\.(xmp|aae|thm|pp3|dop|cos|on1|vrd|lrcat|lrprev|json|txt|xml|html?|md|nfo|log|ini|db|url|lnk|gpx|md5|sha1|sha256|sfv)$/i

export function isLitter(path: string): boolean {
  const segments = segmentsOf(path)
  return segments.some((segment) => isLitterName(segment)) || sidecar.test(segments.at(-1) ?? '')
}

/** For a file, or a folder with everything in it. */
export function isLitterName(name: string): boolean {
  return (name.startsWith('.') && name !== '.' && name !== '..') || names.has(name.toLowerCase())
}

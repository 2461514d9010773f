/** Entries of an upload that are not and were not meant to be pictures: counted as skipped without being read. */
import { isLitter } from './litter.js'
import type { SourceDescription } from './source.js'

/** @param entry.path in the archive or form, with `/` */
export function isPassedOver(
  { path, isDevice = false }: { path: string; isDevice?: boolean | undefined },
  { litter = 'skip' }: SourceDescription,
): boolean {
  return isDevice || (litter === 'skip' && isLitter(path))
}

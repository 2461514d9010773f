/** What in an upload is no picture and was not meant to be one: counted as skipped, and not looked at. */
import { isLitter } from './litter.js'
import type { SourceDescription } from './source.js'

export function isPassedOver(
  { path, isDevice = false }: { path: string; isDevice?: boolean | undefined },
  { litter = 'skip' }: SourceDescription,
): boolean {
  return isDevice || (litter === 'skip' && isLitter(path))
}

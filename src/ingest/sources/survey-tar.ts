/**
 * A first pass over a tar: the number of items, a manifest that may be anywhere in it, and files with more than one
 * name.
 */
import { AlikeError } from '../../errors.js'
import { tooManyFiles } from '../archive-bounds.js'
import type { ReadName } from '../name-encoding.js'
import { segmentsOf } from '../names.js'
import { isPassedOver } from '../passed-over.js'
import type { SourceDescription, SourceLimits } from '../source.js'
import { damagedManifest, manifestFormat, secondManifest, UploadManifest } from '../upload-manifest/upload-manifest.js'
import { type NamedEntry, unpackTar } from './unpack-tar.js'

export interface TarSurvey {
  manifest?: UploadManifest | undefined
  /** Undefined if damage hides it, or with a manifest, whose missing files count too. */
  total?: number | undefined
  links: HardLinks
}

/** Hard links by entry number: a link is taken in together with the preceding file that it names. */
export interface HardLinks {
  /** Number of a file's entry → its other names. */
  ofFile: ReadonlyMap<number, readonly ReadName[]>
  /** Numbers of the links among them. */
  bound: ReadonlySet<number>
}

export const noLinks: HardLinks = { ofFile: new Map(), bound: new Set() }

interface LookedThrough {
  file: string
  description: SourceDescription
  limits: SourceLimits
  signal: AbortSignal | undefined
}

/**
 * The extent of damage is unknown here; taking in the pictures will reach it.
 * @throws AlikeError `manifest_invalid`, `archive_unreadable` beyond a bound; the signal's reason
 */
export async function surveyTar(
  file: string,
  description: SourceDescription,
  limits: SourceLimits,
  signal: AbortSignal | undefined,
): Promise<TarSurvey> {
  let manifest: UploadManifest | undefined
  let [files, items] = [0, 0]
  const targets = new Set<string>()
  const tar = { file, description, limits, signal }
  const { isWhole, hasTrailing } = await lookThrough(tar, async ({ path, kind, misfit, content, target }) => {
    if (kind === 'folder') return
    if (kind === 'file' && misfit === undefined && manifestFormat(path) !== undefined) {
      if (manifest !== undefined) throw secondManifest(manifest.path, path)
      manifest = await UploadManifest.read(path, content, description, limits).catch((cause: unknown) => {
        throw cause instanceof AlikeError ? cause : damagedManifest(cause)
      })
      return
    }
    items += 1
    if (!isPassedOver({ path, isDevice: kind === 'device' }, description) && ++files > limits.ingestMaxFiles)
      throw tooManyFiles(limits)
    if (kind === 'link') targets.add(plain(target))
  })
  const links = targets.size === 0 ? noLinks : await bindLinks(tar, targets)
  if (hasTrailing) items += 1 // counted as one
  return { manifest, total: isWhole && manifest === undefined ? items : undefined, links }
}

/**
 * A further pass, needed only for archives with hard links: each link names the last preceding file with its target
 * path.
 */
async function bindLinks(tar: LookedThrough, targets: ReadonlySet<string>): Promise<HardLinks> {
  const last = new Map<string, number>()
  const ofFile = new Map<number, ReadName[]>()
  const bound = new Set<number>()
  await lookThrough(tar, async ({ path, misfit, isAssumed, kind, target, number }) => {
    const bearer = kind === 'file' ? number : kind === 'link' ? last.get(plain(target)) : undefined
    if (bearer === undefined) return
    if (targets.has(plain(path))) last.set(plain(path), bearer)
    if (kind === 'file') return
    const names = ofFile.get(bearer) ?? []
    names.push({ path, misfit, isAssumed })
    ofFile.set(bearer, names)
    bound.add(number)
  })
  return { ofFile, bound }
}

/** @returns whether it is undamaged, and whether there is data after the end */
async function lookThrough(
  { file, description, limits, signal }: LookedThrough,
  at: (entry: NamedEntry) => Promise<void>,
): Promise<{ isWhole: boolean; hasTrailing: boolean }> {
  signal?.throwIfAborted() // it is not aborted again
  const unpacking = unpackTar(file, description, limits)
  const stop = () => unpacking.destroy(new Error('stopped'))
  signal?.addEventListener('abort', stop)
  try {
    for await (const entry of unpacking.entries) await at(entry)
    return { isWhole: true, hasTrailing: unpacking.hasTrailing() }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof AlikeError) throw error
    return { isWhole: false, hasTrailing: false }
  } finally {
    signal?.removeEventListener('abort', stop)
    unpacking.destroy()
  }
}

function plain(path: string): string {
  return segmentsOf(path).join('/')
}

/** The server versions that may be used. */
import { AlikeError } from '../../errors.js'

/** In earlier versions, read repair may write part of an object: a read can lose properties and the vector. */
const firstSafePatches: Readonly<Record<string, number>> = { '1.37': 14, '1.38': 7 }

/** @param version as reported by the server @throws AlikeError `engine_version_refused` */
export function expectSafeVersion(version: string): void {
  const [, major = '', minor = '', patch = ''] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []
  const line = `${major}.${minor}`
  const isSafe =
    line in firstSafePatches
      ? Number(patch) >= firstSafePatches[line]!
      : Number(major) > 1 || (major === '1' && Number(minor) > 38)
  if (isSafe) return
  throw new AlikeError('engine_version_refused', {
    detail: `Weaviate ${version || 'of an unknown version'} may lose vectors while it repairs replicas; use 1.39.0, 1.38.7, 1.37.14 or later.`,
  })
}

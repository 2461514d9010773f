/**
 * Finds folders in the data folder that this user may not write to, perhaps volumes of their own: otherwise the first
 * upload or snapshot would fail, or hours of indexing would be repeated after a restart.
 */
import { constants, statSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { AlikeError } from '../../../../errors.js'

const parts = ['folders', 'index', 'installations', 'originals', 'queries', 'snapshots', 'spool']

/** @throws AlikeError `data_unreadable` */
export async function expectWritableParts(dataDir: string): Promise<void> {
  for (const part of parts) {
    const path = join(dataDir, part)
    try {
      await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT') continue
      throw new AlikeError('data_unreadable', { detail: notWritable(path, code), cause })
    }
  }
}

/** Names both users: Docker creates a missing host folder as root, for a service that runs as user 1000. */
export function notWritable(path: string, code: string | undefined): string {
  if (code === 'EROFS') return `The file system of ${path} is mounted read-only.`
  const owner = ownerOf(path)
  const belongs = owner === undefined ? '' : `, which belongs to user ${owner}`
  return `User ${process.geteuid?.()} may not write to ${path}${belongs}.`
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return undefined // missing, or in a folder that this user may not enter
  }
}

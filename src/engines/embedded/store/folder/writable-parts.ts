/**
 * Finds folders in the data folder that this user may not write to, perhaps volumes of their own: otherwise the first
 * upload or snapshot would fail, or hours of indexing would be repeated after a restart.
 */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { AlikeError } from '../../../../errors.js'
import { notWritable } from './not-writable.js'

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

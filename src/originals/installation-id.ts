/**
 * The id of an installation whose catalogue is in its data folder. Snapshots do not contain it: a service restored
 * elsewhere is a new installation.
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asStorageError, replaceFile } from '../durable-files.js'

const idPattern = /^[0-9a-f-]{36}$/

/** Created at the first call. @throws AlikeError `storage_full` */
export async function installationIdIn(dataDir: string): Promise<string> {
  const file = join(dataDir, 'installation')
  const stored = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  if (idPattern.test(stored)) return stored
  const id = randomUUID()
  await replaceFile(file, id).catch((error: unknown) => {
    throw asStorageError(error)
  })
  return id
}

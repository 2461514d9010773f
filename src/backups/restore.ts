/**
 * Restores a snapshot into a data folder on which a service can start. The database gets its name last, after
 * everything was verified: an interrupted restore leaves a folder on which it can be repeated, and nothing that looks
 * like data.
 */
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '../durable-files.js'
import { examineDatabase } from '../engines/embedded/store/database/examine-database.js'
import { bringUpToDate } from '../engines/embedded/store/database/schema.js'
import { besideDatabase, lockFolder } from '../engines/embedded/store/folder/folder-lock.js'
import { unfinishedName } from '../engines/embedded/store/folder/lost-database.js'
import { AlikeError } from '../errors.js'
import { type BackupManifest, databaseName } from './backup-manifest.js'
import { readSnapshot } from './read-snapshot.js'

/** With what lies beside it while it is brought up to date. */
const unfinishedNames = ['', '-wal', '-shm', '-journal'].map((suffix) => `${unfinishedName}${suffix}`)
/** Entries of a data folder that still counts as empty: our own leftovers, and what file systems create. */
const ofNoInterest = new Set([...unfinishedNames, ...besideDatabase, 'lost+found'])

/**
 * @param snapshot its folder or archive.
 * @param dataDir created if missing.
 * @throws AlikeError `restore_refused`, `data_unreadable` if a process uses the folder, `snapshot_damaged`,
 * `storage_full`
 */
export async function restoreSnapshot(snapshot: string, dataDir: string): Promise<BackupManifest> {
  await expectEmpty(dataDir)
  const lock = await lockFolder(dataDir) // the lock is on an empty file in place of the database
  const unfinished = join(dataDir, unfinishedName)
  const database = join(dataDir, databaseName)
  try {
    await expectEmpty(dataDir) // a service may have used it before the lock
    await removeUnfinished(dataDir) // the log of another database would be applied to this one
    const manifest = await readSnapshot(snapshot, unfinished)
    bringUpToDate(unfinished) // it may be of an older version
    const { images } = examineDatabase(unfinished)
    if (images !== manifest.images)
      throw new AlikeError('snapshot_damaged', {
        detail: `It contains ${images} pictures instead of ${manifest.images}.`,
      })
    await rename(unfinished, database)
    await syncFolder(dataDir)
    return manifest
  } catch (error) {
    await removeUnfinished(dataDir)
    if (await isEmpty(database)) await rm(database, { force: true })
    throw error
  } finally {
    lock.release()
  }
}

async function removeUnfinished(dataDir: string): Promise<void> {
  for (const name of unfinishedNames) await rm(join(dataDir, name), { force: true })
}

async function expectEmpty(dataDir: string): Promise<void> {
  let names: string[]
  try {
    names = await readdir(dataDir)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new AlikeError('restore_refused', { detail: 'The data folder cannot be read.', cause })
  }
  for (const name of names) {
    if (ofNoInterest.has(name) || (name === databaseName && (await isEmpty(join(dataDir, name))))) continue
    throw new AlikeError('restore_refused', { detail: `The data folder is not empty: it contains ${name}.` })
  }
}

/** As left by the lock, or by a process that ended before creating its tables. */
async function isEmpty(path: string): Promise<boolean> {
  return stat(path).then(
    ({ size }) => size === 0,
    () => false,
  )
}

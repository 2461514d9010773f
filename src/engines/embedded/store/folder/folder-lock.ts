/**
 * One process owns a data folder. The kernel holds the lock on alike.db itself: it disappears with the process, however
 * that dies, and there is no lock file that someone could delete. It is an open file description lock (fcntl
 * `F_OFD_SETLK`), which belongs to the descriptor. The only importer of fs-native-extensions.
 *
 * The descriptor must outlive every SQLite connection of this process: closing any descriptor of a file drops the
 * process's POSIX locks on it, and SQLite uses those.
 */
import { closeSync, existsSync, fstatSync, openSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { makeFolder } from '../../../../durable-files.js'
import { AlikeError } from '../../../../errors.js'
import { damaged } from '../database/database.js'
import { networkFileSystem } from './file-systems.js'
import { forgetOwner, ownerNoteName, ownerOf, recordOwner } from './folder-owner.js'
import { notWritable } from './not-writable.js'
import { reserveName, reservePartName } from './reserve.js'
import { roomProbeName } from './room.js'

/** Far above SQLite's own lock bytes (from 2³⁰) and the largest database (2⁴⁸ bytes). */
const lockByte = 2 ** 52
/** A restore that is just finishing may replace the database between opening and locking it. */
const attempts = 3

/** Lock files of older versions. */
const formerLocks = ['alike.lock', 'alike.lock-journal']

/** Files that may lie beside a database without being data. */
export const besideDatabase: readonly string[] = [
  ownerNoteName,
  reserveName,
  reservePartName,
  roomProbeName,
  ...formerLocks,
]

export interface FolderLock {
  /** False once alike.db has been deleted or replaced: further writes would be lost. */
  holds(): boolean
  /** Call it after the last connection to the database has closed. */
  release(): void
}

/** The part of fs-native-extensions that we use; the package has no types. */
interface FileLocks {
  tryLock(descriptor: number, offset: number, length: number): boolean
}

/**
 * Creates the folder and an empty alike.db if missing.
 * @throws AlikeError `data_unreadable`, saying who holds the lock or why locking failed; `storage_full`
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const locks = loadFileLocks()
  const path = join(folder, 'alike.db')
  for (let attempt = 0; attempt < attempts; attempt++) {
    const descriptor = await openDatabaseFile(folder, path)
    try {
      if (!tryLock(locks, descriptor, folder)) throw damaged(inUse(ownerOf(folder)))
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
    if (isStillThere(path, descriptor)) return held(folder, path, descriptor)
    closeSync(descriptor)
  }
  throw damaged('alike.db is being replaced.')
}

function inUse(owner: string | undefined): string {
  return owner === undefined ? 'Another process is using it.' : `Another process is using it: ${owner}.`
}

function held(folder: string, path: string, descriptor: number): FolderLock {
  recordOwner(folder)
  for (const former of formerLocks) rmSync(join(folder, former), { force: true })
  return {
    holds: () => isStillThere(path, descriptor),
    release() {
      forgetOwner(folder)
      closeSync(descriptor)
    },
  }
}

/** Loaded on first use rather than at import, so that a platform without a build gets a clear error. */
function loadFileLocks(): FileLocks {
  try {
    return createRequire(import.meta.url)('fs-native-extensions') as FileLocks
  } catch (cause) {
    throw damaged(
      `It cannot be locked: the addon for file locks cannot be loaded on ${process.platform} ${process.arch}.`,
      cause,
    )
  }
}

async function openDatabaseFile(folder: string, path: string): Promise<number> {
  try {
    // it holds pictures and presigned addresses: other users must not read it, least of all a decoder's
    await makeFolder(folder, 0o700)
    return openSync(path, 'a+', 0o644) // read and write, create if missing, never truncate
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    if (['ENOSPC', 'EDQUOT'].includes(code))
      throw new AlikeError('storage_full', { detail: 'There is no space for a new data folder.', cause })
    const denied = ['EACCES', 'EPERM', 'EROFS'].includes(code)
    if (denied) throw damaged(notWritable(code !== 'EROFS' && existsSync(path) ? path : folder, code), cause)
    throw damaged(`alike.db cannot be opened there (${code}).`, cause)
  }
}

function tryLock(locks: FileLocks, descriptor: number, folder: string): boolean {
  try {
    return locks.tryLock(descriptor, lockByte, 1)
  } catch (cause) {
    const { code = 'unknown reason' } = cause as NodeJS.ErrnoException
    const place = networkFileSystem(folder)
    throw damaged(
      place === undefined
        ? `Its file system does not lock files (${code}).`
        : `It lies on ${place}, which does not lock files (${code}): use a local disk.`,
      cause,
    )
  }
}

function isStillThere(path: string, descriptor: number): boolean {
  const opened = fstatSync(descriptor)
  const named = statSync(path, { throwIfNoEntry: false })
  return named !== undefined && named.ino === opened.ino && named.dev === opened.dev
}

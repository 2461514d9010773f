/**
 * The folder of all snapshots: one subfolder each, named by id. Snapshots being written or deleted have another name,
 * so that every id is complete.
 */
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { asStorageError, freeBytes, makeFolder, syncFolder, writeSettled } from '../durable-files.js'
import { AlikeError } from '../errors.js'
import {
  type BackupManifest,
  databaseName,
  manifestName,
  manifestText,
  parseManifest,
  snapshotIdPattern,
} from './backup-manifest.js'

/** Free space that a snapshot leaves on disk for writes. */
const reserveBytes = 16 * 2 ** 20

export class SnapshotFolder {
  readonly path: string
  readonly #database: string

  constructor(dataDir: string) {
    this.path = join(dataDir, 'snapshots')
    this.#database = join(dataDir, databaseName)
  }

  pathOf(id: string): string {
    return join(this.path, id)
  }

  /** Removes leftovers of a crash. */
  async sweep(): Promise<void> {
    await makeFolder(this.path).catch(unlessNoRoom) // the first snapshot creates it instead
    for (const name of await readdir(this.path).catch(noneIfMissing)) {
      if (/\.(writing|deleting)$/.test(name)) await rm(join(this.path, name), { recursive: true, force: true })
    }
  }

  /** Newest first. */
  async ids(): Promise<string[]> {
    const names = await readdir(this.path).catch(noneIfMissing) // deleted by someone
    return names
      .filter((name) => new RegExp(snapshotIdPattern).test(name))
      .sort()
      .reverse()
  }

  /** Undefined if there is no complete snapshot with this id; readers verify the checksums of the files. */
  async manifest(id: string): Promise<BackupManifest | undefined> {
    try {
      const manifest = parseManifest(await readFile(join(this.pathOf(id), manifestName), 'utf8'))
      if (manifest?.id !== id) return undefined
      for (const { name, bytes } of manifest.files) {
        if ((await stat(join(this.pathOf(id), name))).size !== bytes) return undefined
      }
      return manifest
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async has(id: string): Promise<boolean> {
    return (await this.ids()).includes(id)
  }

  /** `keep` or `discard` finishes it. @throws AlikeError `storage_full` if a copy of the database has no room there */
  async begin(id: string): Promise<void> {
    await makeFolder(this.path)
    const free = await freeBytes(this.path) // it may be a disk of its own
    const { size } = await stat(this.#database)
    if (free < size + reserveBytes)
      throw new AlikeError('storage_full', {
        detail: `A snapshot needs ${size} bytes and must leave ${reserveBytes} free.`,
      })
    await makeFolder(`${this.pathOf(id)}.writing`)
  }

  /** Makes it a snapshot: everything is synced to disk before it gets its name. */
  async keep(id: string, facts: Omit<BackupManifest, 'manifestSha256'>): Promise<void> {
    const path = `${this.pathOf(id)}.writing`
    await writeSettled(join(path, manifestName), manifestText(facts))
    await syncFolder(path)
    await rename(path, this.pathOf(id))
    await syncFolder(this.path)
  }

  async discard(id: string): Promise<void> {
    await rm(`${this.pathOf(id)}.writing`, { recursive: true, force: true })
  }

  async remove(id: string): Promise<void> {
    const path = `${this.pathOf(id)}.deleting`
    await rename(this.pathOf(id), path)
    await syncFolder(this.path)
    await rm(path, { recursive: true, force: true })
  }
}

/** A service with a full disk must be able to start. */
function unlessNoRoom(error: unknown): void {
  if (asStorageError(error) === error) throw error
}

function noneIfMissing(error: unknown): string[] {
  if (isMissing(error)) return []
  throw error
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

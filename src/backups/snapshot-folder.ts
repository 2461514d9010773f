/**
 * The folder of all snapshots: one folder for each, under its id. What is being written or deleted
 * has another name, so that whatever lies under an id is whole.
 */
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { asStorageError, syncFolder, writeSettled } from '../durable-files.js'
import { type BackupManifest, manifestName, manifestText, parseManifest, snapshotIdPattern } from './backup-manifest.js'

export class SnapshotFolder {
  readonly path: string

  constructor(dataDir: string) {
    this.path = join(dataDir, 'snapshots')
  }

  pathOf(id: string): string {
    return join(this.path, id)
  }

  /** Removes what a crash left behind. */
  async sweep(): Promise<void> {
    await mkdir(this.path, { recursive: true }).catch(unlessNoRoom) // made with the first snapshot then
    for (const name of await readdir(this.path).catch(noneIfMissing)) {
      if (/\.(writing|deleting)$/.test(name)) await rm(join(this.path, name), { recursive: true, force: true })
    }
  }

  /** Newest first. */
  async ids(): Promise<string[]> {
    const names = await readdir(this.path).catch(noneIfMissing) // somebody has tidied up
    return names
      .filter((name) => new RegExp(snapshotIdPattern).test(name))
      .sort()
      .reverse()
  }

  /** Undefined when there is none under this id, or it is not whole; checksums of the files are for who reads them. */
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

  /** @returns the folder to write files into; `keep` or `discard` ends it. */
  async begin(id: string): Promise<string> {
    const path = `${this.pathOf(id)}.writing`
    await mkdir(path, { recursive: true })
    return path
  }

  /** From here on it is a snapshot: all of it is on the disk before it gets its name. */
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

/** A service whose disk is full has to start. */
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

/**
 * Which catalogues know what is stored in a data folder: its own database, or PostgreSQL, which leaves a marker. A service that is started
 * with the other one deletes nothing that it does not know, as in a bucket (`s3-owners.ts`).
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { asStorageError, makeFolder, replaceFile } from '../durable-files.js'
import { unlessAbsent } from './original-files.js'
import type { Owners } from './original-store.js'
import { reportingOthers } from './reported-others.js'

export interface FolderOwnersOptions {
  dataDir: string
  /** Of the installation, if its catalogue is in PostgreSQL. Default: it is in the folder's own database. */
  id?: (() => Promise<string>) | undefined
  /** With `id`: whether the folder's own database lists galleries or unfinished jobs too. */
  isOtherwiseUsed?: (() => Promise<boolean>) | undefined
  /** Called when others are found for the first time. */
  onOthers(others: readonly string[]): void
}

/** Stands for the folder's own database among the others. */
const ownDatabase = 'alike.db'
const purpose =
  'An installation of Alike whose catalogue is in PostgreSQL stores files in this data folder. Delete this file once that installation no longer needs them: a service without PostgreSQL deletes what it does not know only then.'

export class FolderOwners implements Owners {
  readonly #options: FolderOwnersOptions
  readonly #folder: string
  readonly #report: (others: readonly string[]) => boolean

  constructor(options: FolderOwnersOptions) {
    this.#options = options
    this.#report = reportingOthers(options.onOthers)
    this.#folder = join(options.dataDir, 'installations')
  }

  async register(): Promise<void> {
    const id = await this.#options.id?.()
    if (id === undefined || (await this.#ids()).includes(id)) return
    try {
      await makeFolder(this.#folder)
      await replaceFile(join(this.#folder, id), JSON.stringify({ purpose, installation: id, since: new Date() }))
    } catch (error) {
      throw asStorageError(error)
    }
  }

  async areAlone(): Promise<boolean> {
    const { id, isOtherwiseUsed } = this.#options
    const own = await id?.()
    const others = (await this.#ids()).filter((one) => one !== own)
    if (await isOtherwiseUsed?.()) others.push(ownDatabase)
    return this.#report(others)
  }

  async #ids(): Promise<string[]> {
    const names = (await unlessAbsent(readdir(this.#folder))) ?? []
    return names.filter((name) => !name.endsWith('.tmp'))
  }
}

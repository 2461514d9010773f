/**
 * The id of an installation whose catalogue is in its data folder. A snapshot does not contain it, and a copy of the folder contains it in a
 * file that was created at another time: what is restored or copied is another installation.
 */
import { randomUUID } from 'node:crypto'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { asStorageError, replaceFile, syncFolder } from '../durable-files.js'
import { unlessAbsent } from './original-files.js'

const idPattern = /^[0-9a-f-]{36}$/

/** Created at the first call. @throws AlikeError `storage_full` */
export async function installationIdIn(dataDir: string): Promise<string> {
  const file = join(dataDir, 'installation')
  const [id = '', createdNs = ''] = (await textOf(file)).split('\n')
  if (!idPattern.test(id)) return write(dataDir, randomUUID())
  if (createdNs === '') return write(dataDir, id).catch(() => id) // by an older version; on a full disk next time
  return createdNs === (await creationOf(file)) ? id : write(dataDir, randomUUID())
}

async function textOf(file: string): Promise<string> {
  return (await unlessAbsent(readFile(file, 'utf8'))) ?? ''
}

async function write(dataDir: string, id: string): Promise<string> {
  const file = join(dataDir, 'installation')
  try {
    const createdNs = await writeWithCreation(`${file}.tmp`, id)
    await rename(`${file}.tmp`, file)
    await syncFolder(dataDir)
    // a file system that does not record creation gives the time of the last change instead: copies are not recognised there
    if ((await creationOf(file)) !== createdNs) await replaceFile(file, id)
    return id
  } catch (error) {
    throw asStorageError(error)
  }
}

/** @returns nanoseconds since 1970 */
async function writeWithCreation(file: string, id: string): Promise<string> {
  const handle = await open(file, 'w')
  try {
    const createdNs = String((await handle.stat({ bigint: true })).birthtimeNs)
    await handle.writeFile(`${id}\n${createdNs}\n`)
    await handle.sync()
    return createdNs
  } finally {
    await handle.close()
  }
}

async function creationOf(file: string): Promise<string> {
  return String((await stat(file, { bigint: true })).birthtimeNs)
}

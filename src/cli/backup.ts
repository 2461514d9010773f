/**
 * `npm run backup -- --to FILE`: has a running service write a snapshot, fetches it, compares every
 * checksum, and deletes it there. The file gets its name when all of it is on the disk.
 */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { AlikeError } from '../errors.js'
import { syncFolder } from '../snapshots/files.js'
import { readSnapshot } from '../snapshots/read-snapshot.js'
import { ServiceClient } from './service-client.js'

const usage = `npm run backup -- --to FILE [--url http://127.0.0.1:8080]
  --to FILE   where the archive goes; one that is there is replaced at the end
  [--key KEY] API key of the role admin, where the service asks for one
  [--keep]    leave the snapshot in the service's data folder as well`

async function backUp(service: ServiceClient, file: string, keep: boolean): Promise<void> {
  const { id } = await service.createSnapshot()
  const partial = `${file}.part`
  try {
    await service.waitForSnapshot(id)
    await pipeline(Readable.fromWeb(await service.snapshotArchive(id)), createWriteStream(partial, { flush: true }))
    const { images, galleries } = await readSnapshot(partial)
    await rename(partial, file)
    await syncFolder(dirname(file))
    console.log(`Snapshot ${id}: ${images} pictures in ${galleries.length} galleries, in ${file}.`)
  } finally {
    await rm(partial, { force: true })
    if (!keep) await service.deleteSnapshot(id)
  }
}

try {
  const { values } = parseArgs({
    options: { to: { type: 'string' }, url: { type: 'string', default: 'http://127.0.0.1:8080' }, key: { type: 'string' }, keep: { type: 'boolean', default: false } },
  })
  if (values.to === undefined) throw new Error(usage)
  await backUp(new ServiceClient(values.url, values.key), values.to, values.keep)
} catch (error) {
  console.error(error instanceof AlikeError ? `${error.code}: ${error.message}` : error instanceof Error ? error.message : error)
  process.exitCode = 1
}

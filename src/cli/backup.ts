/**
 * `npm run backup -- --to FILE`: has a running service write a snapshot, fetches it, compares every
 * checksum, and deletes it there. The file gets its name when all of it is on the disk.
 */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { syncFolder } from '../backups/files.js'
import { readSnapshot } from '../backups/read-snapshot.js'
import { command, runCommand, serviceOptions } from '../command-line.js'
import { ServiceClient } from './service-client.js'

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

await runCommand(
  command('npm run backup --', 'Has a running service write a snapshot, and fetches it into one file.')
    .requiredOption('--to <file>', 'where the archive goes; a file that is there is replaced at the end')
    .option(...serviceOptions.url)
    .option(...serviceOptions.key)
    .option('--keep', 'leave the snapshot in the data folder of the service as well', false)
    .action(({ to, url, key, keep }) => backUp(new ServiceClient(url, key), to, keep)),
)

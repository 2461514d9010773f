/**
 * `npm run backup -- --to FILE`: makes a running service write a snapshot, downloads it, verifies every checksum, and
 * deletes it there. The file gets its name once it is completely on disk.
 */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AlikeClient, AlikeUnreachable, dataOf } from '../../clients/typescript/src/alike-client.js'
import { readSnapshot } from '../backups/read-snapshot.js'
import { command, runCommand, serviceOptions } from '../command-line.js'
import { syncFolder } from '../durable-files.js'
import { AlikeError } from '../errors.js'
import { cleaningMaxMs, serviceClient } from './service-client.js'

const pollMs = 500

async function backUp(service: AlikeClient, file: string, keep: boolean): Promise<void> {
  const { id } = await dataOf(service.api.POST('/v1/snapshots'))
  const snapshot = { params: { path: { snapshot: id } } }
  const partial = `${file}.part`
  const remove = async (signal?: AbortSignal) =>
    void (keep || (await service.api.DELETE('/v1/snapshots/{snapshot}', { ...snapshot, ...(signal && { signal }) })))
  try {
    await waitFor(service, id)
    const archive = await dataOf(
      service.api.GET('/v1/snapshots/{snapshot}/archive', { ...snapshot, parseAs: 'stream' }),
    )
    await pipeline(Readable.fromWeb(archive), createWriteStream(partial, { flush: true })).catch((cause: unknown) => {
      throw cause instanceof TypeError
        ? new AlikeUnreachable('The download of the snapshot broke off.', { cause })
        : cause
    })
    const { images, galleries } = await readSnapshot(partial)
    await rename(partial, file)
    await syncFolder(dirname(file))
    console.log(`Snapshot ${id}: ${images} pictures in ${galleries.length} galleries, in ${file}.`)
  } catch (error) {
    await rm(partial, { force: true })
    await remove(AbortSignal.timeout(cleaningMaxMs)).catch(() => {}) // the service may be gone, which is not why the backup failed
    throw error
  }
  await remove()
}

/** @throws AlikeError `service_refused` if it fails */
async function waitFor(service: AlikeClient, id: string): Promise<void> {
  for (;;) {
    const { state, failure } = await dataOf(
      service.api.GET('/v1/snapshots/{snapshot}', { params: { path: { snapshot: id } } }),
    )
    if (state === 'ready') return
    if (state !== 'writing')
      throw new AlikeError('service_refused', { detail: `The snapshot has ${state}: ${failure?.detail ?? ''}` })
    await sleep(pollMs)
  }
}

await runCommand(
  command('npm run backup --', 'Makes a running service write a snapshot, and downloads it as one file.')
    .requiredOption('--to <file>', 'where the archive goes; a file that is there is replaced at the end')
    .option(...serviceOptions.url)
    .option(...serviceOptions.key)
    .option(...serviceOptions.keyFile)
    .option('--keep', 'also keep the snapshot in the data folder of the service', false)
    .action(async ({ to, keep, ...place }) => backUp(await serviceClient(place), to, keep)),
)

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
import { cancelled, command, replacedFile, runCommand, serviceOptions } from '../command-line.js'
import { syncFolder } from '../durable-files.js'
import { AlikeError } from '../errors.js'
import { cleaningMaxMs, type ServicePlace, serviceClient } from './service-client.js'

const pollMs = 500

interface Backup {
  to: string
  keep: boolean
  /** Ends it; nothing is left behind. */
  signal: AbortSignal
}

async function backUp(service: AlikeClient, { to: file, keep, signal }: Backup): Promise<void> {
  const { id } = await dataOf(service.api.POST('/v1/snapshots'))
  const snapshot = { params: { path: { snapshot: id } } }
  const partial = `${file}.part`
  const remove = async (within?: AbortSignal) =>
    void (keep || (await service.api.DELETE('/v1/snapshots/{snapshot}', { ...snapshot, signal: within ?? null })))
  try {
    await waitFor(service, id, signal)
    const archive = await dataOf(
      service.api.GET('/v1/snapshots/{snapshot}/archive', { ...snapshot, parseAs: 'stream', signal }),
    )
    await pipeline(Readable.fromWeb(archive), createWriteStream(partial, { flush: true }), { signal }).catch(
      (cause: unknown) => {
        throw cause instanceof TypeError
          ? new AlikeUnreachable('The download of the snapshot broke off.', { cause })
          : cause
      },
    )
    const { images, galleries } = await readSnapshot(partial)
    await rename(partial, file)
    await syncFolder(dirname(file))
    console.log(`Snapshot ${id}, in ${file}; galleries: ${galleries.length}, pictures: ${images}.`)
  } catch (error) {
    await rm(partial, { force: true })
    await remove(AbortSignal.timeout(cleaningMaxMs)).catch(() => {}) // the service may be gone, which is not why the backup failed
    throw error
  }
  await remove()
}

/** @throws AlikeError `service_refused` if it fails */
async function waitFor(service: AlikeClient, id: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { state, failure } = await dataOf(
      service.api.GET('/v1/snapshots/{snapshot}', { params: { path: { snapshot: id } }, signal }),
    )
    if (state === 'ready') return
    if (state !== 'writing')
      throw new AlikeError('service_refused', { detail: `The snapshot has ${state}: ${failure?.detail ?? ''}` })
    await sleep(pollMs, undefined, { signal })
  }
}

async function run({ to, keep, ...place }: ServicePlace & { to: string; keep: boolean }): Promise<void> {
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort())
  const { signal } = interrupt
  try {
    await backUp(await serviceClient(place), { to, keep, signal })
  } catch (error) {
    if (!signal.aborted) throw error
    console.error('Cancelled; there is no archive.')
    process.exitCode = cancelled
  }
}

await runCommand(
  command('npm run backup --', 'Makes a running service write a snapshot, and downloads it as one file.')
    .requiredOption(
      '--to <file>',
      'path of the archive; an existing file is replaced once it is complete',
      replacedFile,
    )
    .option(...serviceOptions.url)
    .option(...serviceOptions.key)
    .addOption(serviceOptions.keyFile)
    .option('--keep', 'also keep the snapshot in the data folder of the service', false)
    .addHelpText(
      'after',
      '\nExit code: 0 if the archive was written; 1 if not; 2 for wrong usage; 130 if Ctrl-C cancelled it.',
    )
    .action(run),
)

#!/usr/bin/env node
/**
 * `npm run ingest -- FOLDER|ARCHIVE|LIST|s3://BUCKET/PREFIX --gallery NAME`: sends a folder of pictures, an archive or
 * a list of addresses to a running service, or points it to a bucket, and waits for the job. Installed as
 * `alike-ingest`.
 */
import { statSync } from 'node:fs'
import { InvalidArgumentError } from '@commander-js/extra-typings'
import type { SingleBar } from 'cli-progress'
import { type AlikeClient, dataOf, isProblem, type Job } from '../../clients/typescript/src/alike-client.js'
import { cancelled, command, failed, oneOf, runCommand, serviceOptions } from '../command-line.js'
import { imageName } from '../datasets/folders.js'
import { AlikeError } from '../errors.js'
import { type LitterRule, litterRules } from '../ingest/litter.js'
import { type NameEncoding, nameEncodings } from '../ingest/name-encoding.js'
import { visible } from '../text.js'
import { withBar } from './progress-bar.js'
import { type ServicePlace, serviceClient } from './service-client.js'
import { type UploadBody, uploadBody } from './upload-body.js'

/** How to read an upload: the service's parameters of the same names. */
interface Reading {
  label?: string | undefined
  litter: LitterRule
  nameEncoding?: NameEncoding | undefined
  manifestEncoding?: NameEncoding | undefined
}

async function ingest(
  place: ServicePlace,
  path: string,
  gallery: string,
  { create, ...reading }: Reading & { create: boolean },
): Promise<number> {
  const object = /^s3:\/\/([^/]+)\/?(.*)$/.exec(path)
  const body = object === null ? await uploadBody(path, reading) : undefined
  if (body !== undefined && body.leftOut > 0)
    console.error(`Files left out, because they are litter or neither pictures nor manifests: ${body.leftOut}.`)
  if (body?.total === 0) console.error(`There is nothing to send in ${path}.`)
  const service = await serviceClient(place)
  // Before the first byte, because a refusal during an upload does not always arrive.
  if (create) await service.createGallery(gallery)
  else
    await service.gallery(gallery).catch((error: unknown) => {
      if (!isProblem(error, 'gallery_not_found')) throw error
      throw new AlikeError('gallery_not_found', { detail: `--create creates ${gallery}.` })
    })

  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort()) // a second one ends the process immediately
  const uploaded =
    body === undefined
      ? {
          job: await ingestFromS3(service, gallery, { bucket: object![1]!, prefix: object![2]! }, reading),
          unreadable: 0,
        }
      : await upload(service, { gallery, body, parameters: reading }, interrupt.signal)
  if (uploaded === undefined) {
    console.error('Cancelled while uploading; nothing was ingested.')
    return cancelled
  }
  const job = await follow(service, uploaded.job, interrupt.signal)
  // also if the report cannot be read
  const failures = uploaded.unreadable + (await printErrors(service, job).finally(() => console.log(summaryOf(job))))
  if (job.state === 'cancelled' && interrupt.signal.aborted) return cancelled
  return job.state === 'succeeded' && failures === 0 ? 0 : failed
}

/** The service reads the bucket itself. */
function ingestFromS3(
  service: AlikeClient,
  gallery: string,
  body: { bucket: string; prefix: string },
  { label, litter }: Reading,
): Promise<Job> {
  return dataOf(
    service.api.POST('/v1/galleries/{gallery}/ingest/s3', {
      params: { path: { gallery }, query: { litter, ...(label !== undefined && { label }) } },
      body,
    }),
  )
}

/** @returns undefined if interrupted before everything was sent; the service then keeps nothing */
async function upload(
  service: AlikeClient,
  { gallery, body, parameters }: { gallery: string; body: UploadBody; parameters: Reading },
  interrupted: AbortSignal,
): Promise<{ job: Job; unreadable: number } | undefined> {
  const leaving = new AbortController()
  let sent = false
  let unreadable = 0
  const share = body.unit === 'files' ? '{value}/{total} files' : '{percentage} %'
  const open = (bar: SingleBar) => {
    unreadable = 0 // of this attempt
    sent = false
    const stream = body.open({
      progress: (done) => bar.update(done),
      unreadable(path, error) {
        unreadable += 1
        console.log(visible(`${path}: could not be read (${error.message})`))
      },
    })
    return stream.once('end', () => {
      sent = true
    })
  }
  // Once everything is sent there is, or will be, a job: wait for its id to cancel it.
  const leave = () => {
    if (!sent) leaving.abort()
  }
  interrupted.addEventListener('abort', leave)
  try {
    const job = await withBar(`send {bar} ${share}, {eta_formatted} left`, body.total, (bar) =>
      service.ingest(gallery, {
        open: () => open(bar),
        contentType: body.contentType,
        signal: leaving.signal,
        parameters,
      }),
    )
    return { job, unreadable }
  } catch (error) {
    if (leaving.signal.aborted) return undefined
    throw error
  } finally {
    interrupted.removeEventListener('abort', leave)
  }
}

async function follow(service: AlikeClient, { id }: Job, interrupted: AbortSignal): Promise<Job> {
  const wait = withBar('take in {bar} {value}/{total}, {rate} a second, {left} left', 1, (bar) =>
    service.waitForJob(id, {
      signal: interrupted,
      onProgress({ total, done, share, picturesPerSecond, secondsLeft }) {
        bar.setTotal(total ?? Math.max(done + 1, Math.round(done / (share || 1))))
        bar.update(done, {
          rate: picturesPerSecond?.toFixed(1) ?? '–',
          left: secondsLeft === null ? '–' : `${Math.ceil(secondsLeft)} s`,
        })
      },
    }),
  )
  return wait.catch((error: unknown) => {
    if (interrupted.aborted) return cancel(service, id)
    console.error(`Job ${id} goes on without this command: GET /v1/jobs/${id} shows how far it is.`)
    throw error
  })
}

/** It may just have ended. */
async function cancel(service: AlikeClient, id: string): Promise<Job> {
  return service.cancelJob(id).catch(() => service.job(id))
}

async function printErrors(service: AlikeClient, { id, failed }: Job): Promise<number> {
  for await (const { name, code, detail } of service.jobErrors(id)) console.log(visible(`${name}: ${code}: ${detail}`))
  return failed
}

function summaryOf({ state, failure, added, updated, removed, skipped, failed, replaced, namesAssumed }: Job): string {
  const counts = `${added} added, ${updated} updated, ${removed} removed, ${skipped} skipped, ${failed} failed`
  const notes = [
    ...(replaced > 0 ? [`${replaced} took the place of an earlier picture of the same id.`] : []),
    ...(namesAssumed > 0
      ? [`${namesAssumed} names were read in code page 437; where they look wrong, state --name-encoding.`]
      : []),
  ]
  return [
    `Job ${state.replaceAll('_', ' ')}: ${counts}.`,
    ...notes,
    ...(failure === null ? [] : [visible(`${failure.code}: ${failure.detail}`)]),
  ].join(' ')
}

/** The service would call a picture a damaged archive. */
function severalPictures(path: string): string {
  if (!imageName.test(path) || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return path
  throw new InvalidArgumentError('It is a single picture: state the folder that it is in.')
}

await runCommand(
  command(
    'npm run ingest --',
    'Uploads a folder of pictures, or an archive, to a running service and waits for the job.',
  )
    .argument(
      '<path>',
      'a folder whose subfolders are the labels; a tar, tar.gz, tar.zst, zip or NDJSON file; a .txt file of URLs; or s3://bucket/prefix, which the service reads',
      severalPictures,
    )
    .requiredOption('--gallery <name>', 'where the pictures go')
    .option('--create', 'create the gallery if it does not exist', false)
    .option('--label <label>', 'label of pictures outside folders')
    .option(
      '--litter <rule>',
      'skip or take files such as .DS_Store, @eaDir, recycle bins, sidecars',
      oneOf(litterRules),
      'skip',
    )
    .option(
      '--name-encoding <name>',
      'encoding of file names that are not UTF-8, such as windows-1252',
      oneOf(nameEncodings),
    )
    .option('--manifest-encoding <name>', 'encoding of a CSV manifest that is not UTF-8', oneOf(nameEncodings))
    .option(...serviceOptions.url)
    .option(...serviceOptions.key)
    .addOption(serviceOptions.keyFile)
    .addHelpText(
      'after',
      `
Exit code: 0 if everything was ingested; 1 if a picture or the job failed (what did not fail is stored);
2 for wrong usage; 130 if Ctrl-C cancelled it.`,
    )
    .action(async (path, { url, key, keyFile, gallery, ...options }) => {
      process.exitCode = await ingest({ url, key, keyFile }, path, gallery, options)
    }),
)

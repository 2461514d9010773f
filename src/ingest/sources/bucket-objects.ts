/**
 * Objects of an S3 bucket below a prefix. They are listed once, into the spool, before the first one is read, so that
 * later changes do not shift the positions from which a job resumes.
 */
import { AlikeError } from '../../errors.js'
import type { BucketObject, ListedBuckets } from '../../remote/listed-buckets.js'
import { objectReference } from '../../remote/referenced-images.js'
import { isLitter } from '../litter.js'
import { nameOf, shownName } from '../names.js'
import { imageTooLarge } from '../read-bounded.js'
import { RepeatedIds } from '../repeated-ids.js'
import type { Source, SourceDescription, SourceItem, SourceLimits } from '../source.js'
import { withoutPictures } from './item-names.js'
import { countLines, openLines } from './lines.js'

/** Keys have at most 1,024 bytes, and JSON escapes expand each to at most six. */
const lineMaxBytes = 8 * 1024

/**
 * Lines of the list.
 * @throws AlikeError `source_not_allowed`, `source_unreadable`, `source_unreachable`; the signal's reason
 */
export async function* listedObjects(
  { bucket = '', prefix = '' }: SourceDescription,
  { buckets, limits, signal }: { buckets: ListedBuckets; limits: SourceLimits; signal: AbortSignal },
): AsyncGenerator<Buffer> {
  buckets.expectAllowed(bucket, prefix) // the settings may have changed since the job was created
  let count = 0
  for await (const page of buckets.list(bucket, prefix, signal)) {
    count += page.length
    if (count > limits.ingestMaxFiles)
      throw new AlikeError('source_unreadable', { detail: `It contains more than ${limits.ingestMaxFiles} objects.` })
    yield Buffer.from(page.map(({ key, bytes }) => `${JSON.stringify([key, bytes])}\n`).join(''))
  }
}

/** @throws AlikeError `source_not_allowed` for a bucket or prefix that is not allowed any more */
export async function openBucketObjects(
  file: string,
  description: SourceDescription,
  { buckets, limits }: { buckets: ListedBuckets; limits: SourceLimits },
): Promise<Source> {
  const { bucket = '', prefix = '' } = description
  buckets.expectAllowed(bucket, prefix)
  const maxBytes = limits.uploadMaxBytes
  const ids = new RepeatedIds()
  const total = await countLines(file)
  let ignored = 0
  const source = await openLines(file, {
    lineMaxBytes,
    readsAll: true, // keys that differ only in their Unicode form are one id
    itemOf(line, index) {
      const [key, bytes] = JSON.parse(line!.toString()) as [string, number]
      const read = (signal: AbortSignal) => buckets.read(bucket, key, { maxBytes, signal, listedBefore: prefix })
      const item = itemOf({ key, bytes }, { index, description, maxBytes, read })
      if ('skipped' in item) ignored += 1
      return 'id' in item ? { ...item, repeats: ids.meet(item.id) } : item
    },
  })
  const { items } = source
  return Object.assign(source, {
    total,
    async *items(from: number) {
      yield* items(from)
      if (ignored === total && from <= total)
        yield { index: total, name: `${bucket}/${prefix}`, skipped: true as const, note: withoutPictures(total) }
    },
  })
}

interface ObjectReading {
  index: number
  description: SourceDescription
  maxBytes: number
  read(signal: AbortSignal): Promise<Buffer>
}

function itemOf({ key, bytes }: BucketObject, { index, description, maxBytes, read }: ObjectReading): SourceItem {
  const { prefix = '', litter, label } = description
  const name = shownName(key)
  try {
    const path = key.slice(prefix.lastIndexOf('/') + 1)
    // consoles create an empty object for a folder, also for that of the prefix
    if (key.endsWith('/') || (litter !== 'take' && isLitter(path))) return { index, name, skipped: true }
    const named = nameOf(path)
    if (bytes > maxBytes) throw imageTooLarge(maxBytes)
    const origin = objectReference(description.bucket ?? '', key)
    return { index, name, label, ...named, origin, size: bytes, read }
  } catch (error) {
    if (error instanceof AlikeError) return { index, name, error }
    throw error
  }
}

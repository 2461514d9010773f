/** An original that its S3 store denies: alone, or with all others until access is granted again. */
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { type AlikeError, hasCode } from '../errors.js'
import { contentHashPattern } from './original-store.js'
import { unreadable } from './s3-answers.js'

export interface DeniedObject {
  Bucket: string
  Key: string
}

/** Listed at once; several are asked for, because a rule may concern more than one. */
const othersMax = 4

/**
 * Access changes gradually, so a denial counts only if it is repeated after the store has returned another object.
 * @param prefix of all originals
 * @throws AlikeError `original_unreadable` for an object that alone is denied; what `ask` throws
 */
export async function unlessDenied<Answer>(
  ask: () => Promise<Answer>,
  { client, place, prefix }: { client: S3Client; place: DeniedObject; prefix: string },
): Promise<Answer> {
  try {
    return await ask()
  } catch (error) {
    if (!isDenied(error) || !(await returnsAnother(client, place, prefix))) throw error
    return ask().catch((again: unknown) => {
      throw isDenied(again) ? unreadable(again.cause as Error) : again
    })
  }
}

export function isDenied(error: unknown): error is AlikeError {
  if (!hasCode(error, 'store_unreachable')) return false
  const { $metadata } = error.cause as { $metadata?: { httpStatusCode?: number } }
  return $metadata?.httpStatusCode === 403
}

/** Lists the next originals, or the first ones, and asks for one byte of each. */
async function returnsAnother(client: S3Client, { Bucket, Key }: DeniedObject, Prefix: string): Promise<boolean> {
  try {
    const list = (StartAfter?: string) =>
      client.send(new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: othersMax, StartAfter }))
    const { Contents: next = [] } = await list(Key)
    const { Contents: first = [] } = next.length < othersMax ? await list() : {}
    for (const { Key: other = '' } of [...next, ...first])
      if (other !== Key && contentHashPattern.test(other.slice(Prefix.length)))
        if (await isReturned(client, { Bucket, Key: other })) return true
    return false
  } catch {
    return false // the list is denied too, or the store does not answer
  }
}

async function isReturned(client: S3Client, place: DeniedObject): Promise<boolean> {
  try {
    const { Body } = await client.send(new GetObjectCommand({ ...place, Range: 'bytes=0-0' }))
    await Body?.transformToByteArray()
    return true
  } catch {
    return false
  }
}

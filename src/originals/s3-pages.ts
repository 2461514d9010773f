/** Everything below a prefix of a bucket, page by page. */
import { ListObjectsV2Command, type ListObjectsV2CommandOutput, type S3Client } from '@aws-sdk/client-s3'
import { answeredBy } from './s3-answers.js'

export interface ListedPlace {
  Bucket: string
  Prefix: string
  /** Only what lies directly below the prefix, as in folders. */
  Delimiter?: string
}

/** @param kept what the bucket is used for @throws AlikeError `store_unreachable` */
export async function* pagesBelow(
  client: S3Client,
  kept: 'uploads' | 'originals',
  place: ListedPlace,
): AsyncGenerator<ListObjectsV2CommandOutput> {
  for (let ContinuationToken: string | undefined; ; ) {
    const page = await answeredBy(kept, client.send(new ListObjectsV2Command({ ...place, ContinuationToken })))
    yield page
    // some stores name a page after the last one too, with an empty token or a real one
    ContinuationToken = page.IsTruncated === true ? page.NextContinuationToken : undefined
    if (!ContinuationToken) return
  }
}

/** Translates failures of an S3 store: callers are told to retry, the reason is logged. */
import { AlikeError } from '../errors.js'

/** @param kept what the bucket is used for @throws AlikeError `store_unreachable` */
export async function answeredBy<Answer>(kept: 'uploads' | 'originals', asked: Promise<Answer>): Promise<Answer> {
  try {
    return await asked
  } catch (cause) {
    throw new AlikeError('store_unreachable', {
      detail: `The bucket of ${kept} does not answer.`,
      cause,
      retryAfterSeconds: 5,
    })
  }
}

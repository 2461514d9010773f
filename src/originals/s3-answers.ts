/** Translates failures of an S3 store: callers are told to retry, the reason is logged. */
import { PassThrough, pipeline, type Readable } from 'node:stream'
import { AlikeError } from '../errors.js'

/** What the bucket is used for. */
type Kept = 'uploads' | 'originals'

/** Errors of an object that its store has moved to an archive: every later request would fail in the same way. */
const archivedErrors = ['InvalidObjectState', 'ObjectNotInActiveTierError']

/** @throws AlikeError `store_unreachable`; `original_unreadable` for one that the store has archived */
export async function answeredBy<Answer>(kept: Kept, answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer
  } catch (cause) {
    if (kept === 'originals' && archivedErrors.includes((cause as Error).name)) throw unreadable(cause as Error)
    throw notAnswered(kept, cause)
  }
}

/** For an original that is archived, or alone denied. */
export function unreadable(cause: Error): AlikeError {
  return new AlikeError('original_unreadable', { detail: `The store answered ${cause.name}.`, cause })
}

/** The same bytes; if the connection is lost or silent before the last one, the stream ends with `store_unreachable`. */
export function bytesFrom(kept: Kept, body: Readable): Readable {
  const translated = new PassThrough({
    destroy(error, done) {
      done(error !== null && isOfConnection(error) ? notAnswered(kept, error) : error)
    },
  })
  return pipeline(body, translated, () => {})
}

/** Other failures are of the bytes, e.g. of their checksum: they would be the same next time. */
function isOfConnection(error: Error): boolean {
  return 'code' in error || error.name === 'TimeoutError'
}

/** For a wrong key, clock or bucket name the store does answer: the operator must know what. Not every answer has a name. */
function notAnswered(kept: Kept, cause: unknown): AlikeError {
  const { name, $metadata } = cause as { name?: string; $metadata?: { httpStatusCode?: number } }
  const status = $metadata?.httpStatusCode
  return new AlikeError('store_unreachable', {
    detail: `The bucket of ${kept} ${status === undefined ? 'does not answer' : `answers ${status} ${name}`}.`,
    cause,
    retryAfterSeconds: 5,
  })
}

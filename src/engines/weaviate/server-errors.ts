/** Translates errors of the server, its client and the network into our codes. */
import { AlikeError, type ErrorCode } from '../../errors.js'

/** When a retry makes sense. */
const retryAfterSeconds = 5

/** Detail of `engine_unreachable`. */
export const keyRefused = 'It refuses the API key.'

const meanings: readonly [pattern: RegExp, error: (cause: unknown) => AlikeError][] = [
  [
    /unauthenticated|unauthorized|permission.?denied|forbidden|status 40[13]|code: 40[13]/i,
    (cause) => unreachable(keyRefused, cause),
  ],
  [
    /could not find class|class .* not found|no such collection|failed with status code: 404/i,
    (cause) => new AlikeError('gallery_not_found', { cause }),
  ],
  [
    /read.?only|disk usage|no space left/i,
    (cause) => new AlikeError('storage_full', { detail: 'The vector server accepts no writes.', cause }),
  ],
  [
    /could not find enough weaviate nodes/i,
    (cause) => unreachable('It has fewer nodes than the gallery needs for its replicas.', cause),
  ],
  [
    /consistency level|cannot reach enough replicas|not enough replicas/i,
    (cause) => unreachable('Too few of its replicas answer.', cause),
  ],
]

export function errorOf(cause: unknown): AlikeError {
  if (cause instanceof AlikeError) return cause
  const text = cause instanceof Error ? `${cause.name} ${cause.message}` : String(cause)
  const [, error] = meanings.find(([pattern]) => pattern.test(text)) ?? []
  return error === undefined ? unreachable(undefined, cause) : error(cause)
}

function unreachable(detail: string | undefined, cause: unknown): AlikeError {
  return new AlikeError('engine_unreachable', { ...(detail !== undefined && { detail }), cause, retryAfterSeconds })
}

/** While it fails with one of these, its galleries are not served. */
const awayCodes: readonly ErrorCode[] = ['engine_unreachable', 'engine_version_refused', 'engine_setting_refused']
export const isAway = ({ code }: AlikeError): boolean => awayCodes.includes(code)

/** Names the picture of a data set that cannot be read, and says why. */
import { AlikeError } from '../errors.js'

/** These say nothing about the picture. */
const exhausted = ['EMFILE', 'ENFILE', 'ENOMEM']

/**
 * @param cause of the file system, or of the pixel path
 * @returns `dataset_unusable`; `internal` if it was no fault of the picture, which a user would look for in vain
 */
export function unreadablePicture(id: string, cause: unknown): AlikeError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return isFaultOfPicture(cause)
    ? new AlikeError('dataset_unusable', { detail: `The picture "${id}" cannot be read: ${reason}`, cause })
    : new AlikeError('internal', { detail: `It happened to the picture "${id}": ${reason}`, cause })
}

function isFaultOfPicture(cause: unknown): boolean {
  if (cause instanceof AlikeError) return cause.code.startsWith('image_')
  const { code, syscall } = cause as NodeJS.ErrnoException
  return syscall !== undefined && !exhausted.includes(code!)
}

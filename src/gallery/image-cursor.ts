/** The cursor of a list of pictures: the last id of the previous page, opaque to callers. */
import { AlikeError } from '../errors.js'
import { misfitOfText } from '../text.js'

export function cursorAfter(id: string): string {
  return Buffer.from(id).toString('base64url')
}

/** @throws AlikeError `request_invalid` for an invalid cursor */
export function idOfCursor(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString()
  if (cursorAfter(id) !== cursor || misfitOfText(id) !== undefined)
    throw new AlikeError('request_invalid', { detail: 'The cursor was not issued by this service.' })
  return id
}

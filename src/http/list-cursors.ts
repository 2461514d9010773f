/** The cursors of a list: where its next page begins, opaque to callers. Every other list refuses them. */
import { createHash } from 'node:crypto'
import { misfitOfText } from '../text.js'
import { invalidIn, type RequestInvalid } from './validation.js'

/** Enough to tell lists apart; it protects nothing. */
const markBytes = 6

export class ListCursors {
  readonly #mark: Buffer

  /** @param list what determines its entries: its name, and the gallery and the filter if it has them */
  constructor(...list: readonly unknown[]) {
    this.#mark = createHash('sha256').update(JSON.stringify(list)).digest().subarray(0, markBytes)
  }

  /** @param place such as the last id of the page before */
  at(place: string): string {
    return Buffer.concat([this.#mark, Buffer.from(place)]).toString('base64url')
  }

  /** @throws RequestInvalid */
  placeOf(cursor: string): string {
    const place = Buffer.from(cursor, 'base64url').subarray(markBytes).toString()
    if (this.at(place) !== cursor || misfitOfText(place) !== undefined) throw notIssued()
    return place
  }

  /** Of a list whose places are numbers. @throws RequestInvalid */
  numberOf(cursor: string): number {
    const place = this.placeOf(cursor)
    if (!/^\d{1,15}$/.test(place)) throw notIssued()
    return Number(place)
  }
}

/** For a cursor of another list, or of none. */
export function notIssued(): RequestInvalid {
  return invalidIn('query')('cursor', 'was not issued for this list')
}

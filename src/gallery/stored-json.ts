/**
 * JSON as stored in the database. What was stored before limits existed may be too deep for SQLite's functions, or too
 * large to return: then only the picture's metadata is unreadable, and the rest of its record is fine.
 */
import { isDeeperThan } from '../bounded-json.js'
import type { Metadata } from './metadata.js'

/** SQLite's limit: for filters, anything deeper is not JSON. */
const readableDepth = 1_000
/** Characters; a page of a list must have room for at least one picture. */
const readableLength = 4 * 2 ** 20

/** Undefined if it cannot be read. */
export function readStored(text: string): Metadata | undefined {
  if (isTooLong(text) || isDeeperThan(text, readableDepth)) return undefined
  try {
    return JSON.parse(text) as Metadata
  } catch {
    return undefined
  }
}

export function isTooLong(text: string): boolean {
  return text.length > readableLength
}

/** Written into answers as text, so that many at once take no more memory than their text. */
export class StoredMetadata {
  /** JSON, validated by SQLite. */
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toJSON(): Metadata {
    return JSON.parse(this.text) as Metadata
  }
}

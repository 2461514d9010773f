/**
 * JSON as it lies in the database. What was stored before there were bounds may be too deep for SQLite's functions, or too
 * large to be shown: then it is that one picture's metadata which can not be read, and everything else of it can.
 */
import { isDeeperThan } from '../bounded-json.js'
import type { Metadata } from './records.js'

/** As SQLite has it: what is deeper is no JSON to filters either. */
const readableDepth = 1_000
/** Characters; a page of a list must have room for one picture at least. */
const readableLength = 4 * 2 ** 20

/** Undefined when it can not be read. */
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

/** What is written into an answer: many at once take no more memory than their text. */
export class StoredMetadata {
  /** JSON, as SQLite has found it. */
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toJSON(): Metadata {
    return JSON.parse(this.text) as Metadata
  }
}

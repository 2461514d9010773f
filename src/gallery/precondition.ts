/** Conditions on what is stored at the moment of a write (RFC 9110, section 13.1): no change is overwritten unseen. */
import { hash } from 'node:crypto'

export interface Precondition {
  /** One of these versions is stored; `any`: some picture is. */
  match?: Versions | undefined
  /** None of these versions is stored; `any`: no picture is. */
  noneMatch?: Versions | undefined
}

export type Versions = 'any' | readonly string[]

/** The record of a picture. */
export interface Versioned {
  updatedAt: string
  reference?: string | undefined
}

/** The result of a step whose condition does not hold. */
export const preconditionFailed = { refused: 'precondition_failed' } as const

/**
 * @param onlyIf undefined: whatever is stored
 * @param stored record of the picture that the write would change
 */
export function holds(onlyIf: Precondition | undefined, stored: Versioned | undefined): boolean {
  const { match, noneMatch } = onlyIf ?? {}
  const isAmong = (versions: Versions) =>
    stored !== undefined && (versions === 'any' || versions.includes(versionOf(stored)))
  return (match === undefined || isAmong(match)) && (noneMatch === undefined || !isAmong(noneMatch))
}

/**
 * [32] hex digits; another one whenever anything in the record is another. The query of its reference is left out, because whoever
 * sees the rest of the record could find out a secret in it by trying; when it changes, so does `updatedAt`.
 */
export function versionOf(record: Versioned): string {
  const shown = { ...record, reference: record.reference?.replace(/[?#].*/s, '') }
  const members = Object.entries(shown).filter(([, value]) => value !== undefined)
  return hash('sha256', JSON.stringify(members.sort(([one], [other]) => (one < other ? -1 : 1)))).slice(0, 32)
}

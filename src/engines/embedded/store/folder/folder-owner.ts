/** Records who uses a data folder, for the error message to a second process. A note for people; it locks nothing. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

export const ownerNoteName = 'alike.owner'

interface Owner {
  pid: number
  host: string
  /** ISO 8601. */
  since: string
}

/**
 * Call it once the folder is locked. Deletes the note of a killed process first: on a full disk no new one can be
 * written.
 */
export function recordOwner(folder: string): void {
  forgetOwner(folder)
  const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() }
  try {
    writeFileSync(join(folder, ownerNoteName), JSON.stringify(owner))
  } catch {
    forgetOwner(folder)
  }
}

export function forgetOwner(folder: string): void {
  rmSync(join(folder, ownerNoteName), { force: true })
}

/** As part of a sentence; undefined if unknown or this process. */
export function ownerOf(folder: string): string | undefined {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(join(folder, ownerNoteName), 'utf8')) as Partial<Owner>
    const whole =
      Number.isInteger(pid) &&
      typeof host === 'string' &&
      /^[\w.-]{1,255}$/.test(host) &&
      typeof since === 'string' &&
      /^[\d:.TZ-]{20,30}$/.test(since)
    return whole && !(pid === process.pid && host === hostname())
      ? `process ${pid} on ${host}, since ${since}`
      : undefined
  } catch {
    return undefined
  }
}

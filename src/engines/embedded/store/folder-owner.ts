/** Who uses a data folder, for the message to who wants it as well. A note for people: it locks nothing. */
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

/** Once the folder is locked. The note of a process that was killed goes first: on a full disk there will be none. */
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

/** As part of a sentence; undefined when it is not known, or is this very process. */
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

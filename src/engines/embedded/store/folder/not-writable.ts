/** Why a file or folder of the data folder cannot be written. */
import { statSync } from 'node:fs'

/** Names both users: Docker creates a missing host folder as root, for a service that runs as user 1000. */
export function notWritable(path: string, code: string | undefined): string {
  if (code === 'EROFS') return `The file system of ${path} is mounted read-only.`
  const owner = userOf(path)
  const belongs = owner === undefined ? '' : `, which belongs to user ${owner}`
  return `User ${process.geteuid?.()} may not write to ${path}${belongs}.`
}

function userOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return undefined // missing, or in a folder that this user may not enter
  }
}

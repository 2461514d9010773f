/** What a test's code syncs to the disk. */
import { type FileHandle, open, readlink } from 'node:fs/promises'
import type { TestContext } from 'node:test'

/** @returns paths of files and folders, in the order in which they were synced; on Linux */
export async function syncedPaths(t: TestContext): Promise<string[]> {
  const synced: string[] = []
  await using handle = await open('.')
  const handles = Object.getPrototypeOf(handle) as FileHandle
  const { sync } = handles
  t.mock.method(handles, 'sync', async function (this: FileHandle) {
    synced.push(await readlink(`/proc/self/fd/${this.fd}`))
    return sync.call(this)
  })
  return synced
}

/**
 * Folders of tests. A service that is closed after its test writes its graphs once more, into a folder that may be gone:
 * so whatever is left, or was made again, goes with the process.
 */
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const folders = new Set<string>()
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Gone with the process. */
export async function folderOfProcess(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix))
  folders.add(folder)
  return folder
}

/** Gone after the test. */
export async function temporaryFolder(t: TestContext, prefix = 'alike-test-'): Promise<string> {
  const folder = await folderOfProcess(prefix)
  // What a service still writes while it is closed is left to the end of the process.
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch(() => {}))
  return folder
}

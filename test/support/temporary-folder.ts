/**
 * Temporary folders of tests. A service closed after its test writes its graphs once more, into a folder that may be
 * gone: whatever is left, or recreated, is removed with the process.
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

/** Removed with the process. */
export async function folderOfProcess(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix))
  folders.add(folder)
  return folder
}

/** Removed after the test. */
export async function temporaryFolder(t: TestContext, prefix = 'alike-test-'): Promise<string> {
  const folder = await folderOfProcess(prefix)
  // Whatever a closing service still writes is removed at the end of the process.
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch(() => {}))
  return folder
}

/** For tests of what a user may not read. */
import { chown, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Root may read everything: the test goes on as another user, who owns the folders. */
export async function asOrdinaryUser(t: TestContext, ...folders: string[]): Promise<void> {
  if (process.getuid?.() !== 0) return
  for (const folder of folders) {
    await chown(folder, 65_534, 65_534)
    for (const { name, parentPath } of await readdir(folder, { withFileTypes: true, recursive: true }))
      await chown(join(parentPath, name), 65_534, 65_534)
  }
  process.seteuid!(65_534)
  t.after(() => process.seteuid!(0))
}

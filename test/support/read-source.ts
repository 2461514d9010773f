/** What a job would read from an upload. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openSource } from '../../src/ingest/open-source.js'
import type { SourceDescription, SourceItem } from '../../src/ingest/source.js'
import { temporaryFolder } from './app.js'

export const sourceLimits = { uploadMaxBytes: 1_000_000, ingestMaxBytes: 10_000_000, ingestMaxFiles: 100 }

export async function readSource(
  t: TestContext,
  bytes: Buffer,
  description: SourceDescription,
  limits = sourceLimits,
  from = 0,
): Promise<SourceItem[]> {
  const file = join(await temporaryFolder(t), 'upload')
  await writeFile(file, bytes)
  const source = await openSource(description, file, { limits })
  t.after(() => source.close())
  const items: SourceItem[] = []
  for await (const item of source.items(from)) items.push(item)
  return items
}

/** Its id and attributes, or its name and the reason why it is refused. */
export function told(item: SourceItem): unknown[] {
  if ('error' in item) return [item.name, item.error.code]
  if ('skipped' in item) return [item.name, 'skipped']
  if ('remove' in item) return [item.remove, 'removed']
  if ('patch' in item) return [item.patch, 'patched']
  return [item.id, ...(item.repeats === true ? ['repeats'] : []), ...(item.isNameAssumed === true ? ['assumed'] : [])]
}

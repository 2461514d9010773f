/** Packs a model folder into the tar that `POST /v1/models` accepts. */
import { createReadStream } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { AlikeError } from '../errors.js'

/** Of the folder of a network, what the service keeps: not the record of its split. */
const sent = /^(manifest\.json|metrics\.json|model-card\.md|[^/]+\.onnx|plots\/[^/]+|golden\/[^/]+)$/

/** @returns paths relative to the folder @throws AlikeError `model_unreadable` for a folder without a model */
export async function filesOfModel(folder: string): Promise<string[]> {
  const files: string[] = []
  for await (const entry of await opendir(folder, { recursive: true })) {
    const path = relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/')
    if (entry.isFile() && sent.test(path)) files.push(path)
  }
  if (!files.includes('manifest.json'))
    throw new AlikeError('model_unreadable', {
      detail: `${folder} has no manifest.json: it is not a folder written by training or an import.`,
    })
  return files.sort()
}

/** One file in memory at a time. */
export function archiveOfModel(folder: string, files: readonly string[]): Readable {
  const archive = pack()
  const write = async () => {
    for (const name of files) {
      const path = join(folder, name)
      await pipeline(createReadStream(path), archive.entry({ name: `model/${name}`, size: (await stat(path)).size }))
    }
    archive.finalize()
  }
  write().catch((error: unknown) => archive.destroy(error as Error))
  return Readable.from(archive)
}

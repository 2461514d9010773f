/** `npm run restore -- SNAPSHOT --data-dir DIR`: makes a data folder out of a snapshot, after comparing every checksum. */
import { parseArgs } from 'node:util'
import { AlikeError } from '../errors.js'
import { restoreSnapshot } from '../snapshots/restore.js'

const usage = `npm run restore -- SNAPSHOT --data-dir DIR
  SNAPSHOT        an archive as the service gives it out, or the folder of a snapshot
  --data-dir DIR  where the data goes; it must be empty, or not exist`

try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'data-dir': { type: 'string' } } })
  const [snapshot] = positionals
  const dataDir = values['data-dir']
  if (snapshot === undefined || positionals.length > 1 || dataDir === undefined) throw new Error(usage)
  const { id, createdAt, images, galleries, modelId } = await restoreSnapshot(snapshot, dataDir)
  console.log(`Restored snapshot ${id} of ${createdAt}: ${images} pictures in ${galleries.length} galleries, for the network ${modelId}.`)
} catch (error) {
  console.error(error instanceof AlikeError ? `${error.code}: ${error.message}` : error instanceof Error ? error.message : error)
  process.exitCode = 1
}

/**
 * `npm run restore -- SNAPSHOT --data-dir DIR`: creates a data folder from a snapshot after verifying every checksum.
 */

import { restoreSnapshot } from '../backups/restore.js'
import { command, runCommand } from '../command-line.js'

async function restore(snapshot: string, dataDir: string): Promise<void> {
  const { id, createdAt, images, galleries, modelId } = await restoreSnapshot(snapshot, dataDir)
  console.log(
    `Restored snapshot ${id} of ${createdAt}, for the model ${modelId}; galleries: ${galleries.length}, pictures: ${images}.`,
  )
}

await runCommand(
  command('npm run restore --', 'Restores a snapshot into a data folder.')
    .argument('<snapshot>', 'an archive downloaded from the service, or the folder of a snapshot')
    .requiredOption('--data-dir <folder>', 'data folder to restore into; it must be empty or not exist')
    .action((snapshot, { dataDir }) => restore(snapshot, dataDir)),
)

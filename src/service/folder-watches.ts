/** Opens the watches of local folders. */
import { FolderWatch } from '../ingest/folders/folder-watch.js'
import type { JobKinds, JobParts } from './job-kinds.js'
import type { Opening } from './opened-parts.js'

export function openFolderWatches(
  { config, logger, metrics, opened }: Opening,
  { watched: folders, ingest, jobs, galleries }: JobParts & JobKinds,
): void {
  const watches = folders.map((watched) =>
    opened.add(
      new FolderWatch({
        ingest,
        jobs,
        galleries,
        logger,
        watched,
        dataDir: config.dataDir,
        everyMs: config.watchEverySeconds * 1_000,
        settleMs: config.watchSettleSeconds * 1_000,
        removes: config.watchRemovals === 'remove',
        filesMax: config.ingestMaxFiles,
        onScan: (outcome) => metrics.countFolderScan(watched, outcome),
      }),
    ),
  )
  metrics.watch({ watchedFolders: () => watches.map(({ reading }) => reading) })
}

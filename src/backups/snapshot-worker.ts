/** The thread that writes a snapshot, so that neither requests nor writes wait for it. */
import { workerData } from 'node:worker_threads'
import { asStorageError, settleFile } from '../durable-files.js'
import { asAlikeError, copyDatabase } from '../engines/embedded/store/database/database.js'
import { examineDatabase } from '../engines/embedded/store/database/examine-database.js'
import { answerCalls } from '../worker-calls/answered-calls.js'
import { RunControl } from '../worker-calls/run-control.js'
import type { SnapshotCalls, SnapshotThreadData } from './snapshot-protocol.js'

const control = new RunControl((workerData as SnapshotThreadData).control)
const stopIfAsked = () => control.throwIfStopped()

/** Copying takes most of the time; the rest is reading the copy twice. */
const copyShare = 0.6

answerCalls<SnapshotCalls>(
  {
    async write({ from, to }) {
      try {
        await copyDatabase(from, to, (share) => tell(share * copyShare))
        // Copied damage must be detected now, not when the copy is needed.
        const contents = examineDatabase(to, stopIfAsked)
        tell(0.9)
        return { contents, file: await settleFile(to, stopIfAsked) }
      } catch (error) {
        throw asAlikeError(asStorageError(error))
      }
    },
  },
  () => {},
)

function tell(share: number): void {
  stopIfAsked()
  control.advance(Math.floor(share * 1_000) - control.done)
}

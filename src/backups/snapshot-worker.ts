/** The thread that writes a snapshot, so that neither requests nor writes wait for it. */
import { workerData } from 'node:worker_threads'
import { asStorageError, settleFile } from '../durable-files.js'
import { asAlikeError, copyDatabase } from '../engines/embedded/store/database/database.js'
import { examineDatabase } from '../engines/embedded/store/database/examine-database.js'
import { AlikeError } from '../errors.js'
import { answerCalls } from '../worker-calls/answered-calls.js'
import { places, type SnapshotCalls, type SnapshotThreadData } from './snapshot-protocol.js'

const state = new Int32Array((workerData as SnapshotThreadData).state)

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
  Atomics.store(state, places.done, Math.floor(share * 1_000))
}

function stopIfAsked(): void {
  if (Atomics.load(state, places.stop) === 1)
    throw new AlikeError('shutting_down', { detail: 'The snapshot was stopped.' })
}

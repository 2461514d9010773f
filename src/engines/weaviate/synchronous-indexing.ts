/**
 * Whether a picture is in the index of each node when the server acknowledges it: not with `ASYNC_INDEXING`. The server does not
 * tell the setting; a node tells the length of the queue of its batches only while it has one, which is without that setting.
 */
import { AlikeError } from '../../errors.js'

/** One of `GET /v1/nodes`. */
export interface NodeReport {
  name?: string
  status?: string
  batchStats?: { queueLength?: number }
}

/** A node that is away tells nothing, and is passed over. @throws AlikeError `engine_setting_refused` */
export function expectSynchronousIndexing(nodes: readonly NodeReport[]): void {
  const late = nodes.find(
    ({ status, batchStats }) =>
      status === 'HEALTHY' && batchStats !== undefined && batchStats.queueLength === undefined,
  )
  if (late === undefined) return
  throw new AlikeError('engine_setting_refused', {
    detail: `Node ${late.name} indexes some time after it acknowledges: start it without ASYNC_INDEXING.`,
  })
}

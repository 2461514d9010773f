/**
 * Detects whether a picture is in the index of each node when the server acknowledges it, which is not the case with
 * `ASYNC_INDEXING`. The server does not expose the setting, but a node reports the length of its batch queue only
 * without it.
 */
import { AlikeError } from '../../errors.js'

/** One entry of `GET /v1/nodes`. */
export interface NodeReport {
  name?: string
  status?: string
  batchStats?: { queueLength?: number }
}

/** A node that is down reports nothing, and is skipped. @throws AlikeError `engine_setting_refused` */
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

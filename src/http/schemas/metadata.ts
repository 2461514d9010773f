/** Free-form JSON objects of callers, on pictures and galleries. */
import { Type } from 'typebox'
import { storedBounds, storedMembersMax } from '../../bounded-json.js'

/** Limits that a schema cannot express; `bounded-json.ts` checks them. */
const storedJsonDescription = `Any JSON object of yours: at most ${storedMembersMax} members at the top level, ${storedBounds.depthMax} levels, ${storedBounds.valuesMax} values in all, and \`METADATA_MAX_BYTES\` (16 KiB unless set otherwise) as JSON. Integers beyond 2^53 and numbers too large for a double are refused; of a member that is named twice the last counts.`

/** Not a record, whose pattern `^.*$` matches no name with a line break: answers would lack such members. */
export const Metadata = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  maxProperties: storedMembersMax,
  description: storedJsonDescription,
  additionalProperties: {},
})

/** What the server says about the objects of a batch. */
import { AlikeError } from '../../errors.js'
import { errorOf, isAway } from './server-errors.js'

/** Why one object of a batch was not written; undefined on success. */
export type BatchResult = AlikeError | undefined

interface Outcome {
  status?: string
  errors?: { error?: { message?: string }[] }
}

export interface WrittenObject {
  result?: Outcome
}

export interface Removal {
  results?: {
    matches?: number
    /** At most this many are removed. */
    limit?: number
    objects?: (Outcome & { id?: string })[] | null
  }
}

/**
 * In the order of the objects.
 * @throws AlikeError if another node may reach what this one cannot, or has loaded what this one has not yet; Error if
 * the answer is incomplete
 */
export function writtenOf(answers: readonly WrittenObject[], count: number): BatchResult[] {
  if (answers.length !== count) throw new Error(`an answer for ${answers.length} of ${count} objects`)
  const results = answers.map(({ result }) => (result?.status === 'SUCCESS' ? undefined : failureOf(result)))
  const elsewhere = results.find((result) => result?.code === 'gallery_not_found' || (result && isAway(result)))
  if (elsewhere !== undefined) throw elsewhere
  return results
}

/** @throws AlikeError if anything was not removed */
export function expectRemoved({ results: { matches = 0, limit = Infinity, objects } = {} }: Removal): void {
  const [failed] = objects ?? [] // minimal output lists only these
  if (failed !== undefined) throw failureOf(failed)
  if (matches <= limit) return
  const detail = `A removal of ${matches} objects is limited to ${limit}: start the server with QUERY_MAXIMUM_RESULTS of 10000 or more.`
  throw new AlikeError('engine_setting_refused', { detail })
}

const failureOf = (outcome: Outcome | undefined) =>
  errorOf(new Error(outcome?.errors?.error?.[0]?.message ?? 'unknown error'))

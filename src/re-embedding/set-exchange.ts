/** Makes another set of a gallery serve: brings it up to date first, finally while writes wait. */
import { AlikeError } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import type { HeldLock } from '../gallery/writes.js'
import { catchUp } from './catching-up.js'
import { holdMirror, mirrorLost, releaseMirror } from './held-galleries.js'
import { aboutFormer, type SetAbout } from './set-about.js'
import type { SetFollowers } from './set-followers.js'
import type { SetMirror } from './set-mirror.js'
import type { SetMirrors } from './set-mirrors.js'
import { TouchedIds } from './touched-ids.js'

export interface SetExchangeParts {
  galleries: Galleries
  mirrors: SetMirrors
  followers: SetFollowers
  /** Days for which a former serving set is kept up to date. */
  setKeptDays: number
  now?: (() => Date) | undefined
}

export interface SetExchange {
  set: { uid: string }
  serving: { uid: string; about: SetAbout }
  /** Accept that the set lacks pictures of the serving set. */
  mayLack: boolean
}

/** Maximum time for which writes wait for the exchange. */
const closedMaxMs = 10_000
/** Maximum time for which a caller waits for the set to catch up while writes continue. */
const catchUpMaxMs = 300_000

/**
 * The caller must be the only one changing the gallery's sets.
 * @throws AlikeError `overloaded`, `originals_missing` unless it may lack pictures, `store_unreachable`
 */
export async function exchangeSets(
  { galleries, mirrors, followers, setKeptDays, now = () => new Date() }: SetExchangeParts,
  gallery: string,
  { set, serving, mayLack }: SetExchange,
): Promise<void> {
  const changed = new TouchedIds(galleries.writes.follow(gallery, set.uid))
  await followers.stop(gallery)
  let lock: HeldLock | undefined
  try {
    const held = await holdMirror(galleries.writes, gallery, AbortSignal.timeout(catchUpMaxMs))
    lock = held
    const { mirror } = await mirrors.of(gallery, set.uid)
    // apply most changes while writes continue, and then the few that have arrived meanwhile
    await catchUp({ mirror, changed, lock, signal: AbortSignal.timeout(catchUpMaxMs) })
    const lately = AbortSignal.timeout(closedMaxMs)
    await galleries.sets.serve(gallery, set.uid, {
      about: aboutFormer(serving.about, now(), setKeptDays),
      catchUp: async () => {
        await catchUp({ mirror, changed, lock: held, signal: lately })
        if (!mayLack) await expectWhole(mirror)
        if (!(await held.isHeld())) throw mirrorLost()
      },
      signal: lately,
    })
  } catch (error) {
    throw asOverloaded(error)
  } finally {
    if (lock !== undefined) await releaseMirror(lock, changed, AbortSignal.timeout(closedMaxMs))
    mirrors.forget(set.uid)
    mirrors.forget(serving.uid)
    const other = (await galleries.sets.list(gallery)).find(({ stage }) => stage !== 'serving')
    if (other !== undefined) followers.start(gallery, other.uid)
  }
}

function asOverloaded(error: unknown): unknown {
  if (!(error instanceof Error && error.name === 'TimeoutError')) return error
  const detail = 'Too much is being written to bring the set up to date.'
  return new AlikeError('overloaded', { detail, retryAfterSeconds: 10 })
}

/**
 * Counts suffice, because the other set has no picture that the serving one lacks: both were compared, every id written since then has been
 * brought, and what is gone or could not be made was removed (`SetMirror.bring`). To compare ids, writes would have to wait while both
 * sets are listed.
 * @throws AlikeError `originals_missing` if the other set lacks pictures
 */
async function expectWhole({ from, to }: SetMirror): Promise<void> {
  const [serving, other] = await Promise.all([from.state(), to.state()])
  const missing = serving.images - other.images
  if (missing <= 0) return
  throw new AlikeError('originals_missing', {
    detail: `${missing} pictures of the gallery would be missing from it: they could not be embedded for that set. \`force\` goes on without them.`,
  })
}

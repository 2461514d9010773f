/** Runs the move of a gallery: copies it while it serves, compares, and switches to the copy in one write. */
import { AlikeError, hasCode } from '../errors.js'
import type { CatalogueSet } from '../gallery/catalogue.js'
import type { Changes } from '../gallery/changes.js'
import type { Galleries } from '../gallery/galleries.js'
import type { HeldLock } from '../gallery/writes.js'
import type { JobRecord } from '../jobs/job.js'
import type { JobLogger } from '../jobs/job-logger.js'
import { type JobControl, type JobRunner, type RunEnd, usualDeathsMax } from '../jobs/job-runner.js'
import { patiently } from '../jobs/patience.js'
import { catchUp } from './catching-up.js'
import { compareCopies, type SetSum, stillDiffering } from './compared-copies.js'
import { countListed } from './compared-sets.js'
import { holdMirror, mirrorLost } from './held-galleries.js'
import { ReEmbeddingRun } from './re-embedding-run.js'
import { aboutFormer, aboutOf, asStored, type Compared, servingOf } from './set-about.js'
import type { SetExclusion } from './set-exclusion.js'
import type { SetFollowers } from './set-followers.js'
import type { SetMirror } from './set-mirror.js'
import type { SetMirrors } from './set-mirrors.js'
import { TouchedIds } from './touched-ids.js'

/** The job's parameters. */
export interface MoveTask {
  setUid: string
  ratePerSecond: number
}

export interface MoveRunnerOptions {
  galleries: Galleries
  mirrors: SetMirrors
  followers: SetFollowers
  exclusion: SetExclusion
  jobsMax: number
  /** Days for which the former serving set is kept up to date. */
  setKeptDays: number
  logger: JobLogger
  onEnd(outcome: 'moved' | 'refused' | 'broken_off'): void
  now?: (() => Date) | undefined
}

interface Move {
  gallery: string
  serving: CatalogueSet
  copy: CatalogueSet
  mirror: SetMirror
  changed: Changes
  /** Of writing to the copy. */
  lock: HeldLock
}

/** Maximum time for which writes wait for the switch. */
const closedMaxMs = 10_000
/** Maximum pictures compared again while writes wait. */
const touchedMax = 256
/** Maximum full comparisons; if writes keep outpacing them, the move is abandoned. */
const comparisonsMax = 10
/** After these the job goes on later. */
const passing = ['engine_unreachable', 'store_unreachable', 'store_outcome_unknown', 'storage_full'] as const
/** Maximum ids reported for a differing copy. */
const listedMax = 10

export class MoveRunner implements JobRunner {
  readonly kinds = ['move'] as const
  readonly jobsAtOnce = 1
  readonly jobsMax: number
  readonly deathsMax = usualDeathsMax
  readonly #options: MoveRunnerOptions

  constructor(options: MoveRunnerOptions) {
    this.jobsMax = options.jobsMax
    this.#options = options
  }

  async run(job: JobRecord, control: JobControl): Promise<RunEnd> {
    try {
      const end = await this.#run(job, control)
      this.#options.onEnd('moved')
      return end
    } catch (error) {
      const isRefused = hasCode(error, 'move_differs')
      const goesOn = control.signal.aborted || hasCode(error, ...passing)
      if (!goesOn || isRefused) this.#options.onEnd(isRefused ? 'refused' : 'broken_off')
      throw error
    }
  }

  async #run(job: JobRecord, control: JobControl): Promise<RunEnd> {
    const { galleries, mirrors, followers } = this.#options
    const { gallery } = job
    const { setUid } = job.source as unknown as MoveTask
    const sets = await galleries.sets.list(gallery)
    const serving = servingOf(sets)
    const copy = sets.find(({ uid }) => uid === setUid)
    if (copy === undefined) throw new AlikeError('set_not_found')
    // the process died just after the switch
    if (copy === serving) return { total: Math.max(serving.reading.images, job.position) }
    // before reading anything, so that later changes are applied at the end
    const changed = galleries.writes.follow(gallery, setUid)
    let lock: HeldLock | undefined
    let hasMoved = false
    try {
      await followers.stop(gallery)
      lock = await holdMirror(galleries.writes, gallery, control.signal)
      if (copy.stage === 'building') await patiently(() => galleries.sets.prepare(copy), control.signal)
      const { mirror, set } = await mirrors.of(gallery, setUid)
      const move = { gallery, serving, copy: set, mirror, changed, lock }
      const total = await this.#copied(job, move, control)
      await this.#exchanged(move, control.signal)
      hasMoved = true
      return { total }
    } finally {
      await lock?.release()
      const other = hasMoved ? serving.uid : setUid
      const isFollowed = (hasMoved || copy.stage !== 'building') && (await followers.startIfThere(gallery, other))
      if (!isFollowed) galleries.writes.unfollow(gallery, changed)
    }
  }

  async #copied(job: JobRecord, { mirror, changed, lock }: Move, control: JobControl): Promise<number> {
    const { ratePerSecond } = job.source as unknown as MoveTask
    // copying needs no originals
    const run = await ReEmbeddingRun.begin(job, control, {
      mirror,
      changed,
      lock,
      ratePerSecond,
      withoutOriginal: 'leave_out',
    })
    return run.run()
  }

  async #exchanged(move: Move, signal: AbortSignal): Promise<void> {
    const touched = new TouchedIds(move.changed)
    for (let round = 1; round <= comparisonsMax; round++) {
      await catchUp({ ...move, changed: touched, signal })
      touched.touched()
      const { serving, copy, differing } = await compareCopies(move.mirror, { signal, onLooked() {} })
      // apply what was written in the meantime; any difference left after that is an error
      await touched.note([...differing])
      const settled = await this.#settled(move, touched, signal)
      if (settled === 'again') continue
      try {
        // whatever was applied in a failed attempt is compared in the next one
        const again = new Set(settled)
        await patiently(() => this.#exchange(move, { touched, again, sums: [serving, copy], signal }), signal)
        return
      } catch (error) {
        if (signal.aborted) throw error
        if (!(await move.lock.isHeld())) throw mirrorLost() // the next run compares everything
        // too many changes to apply or compare while writes wait
        if (!(error instanceof Error && error.name === 'TimeoutError')) throw error
      }
    }
    throw new AlikeError('overloaded', { detail: 'Too much is being written for the copy to be compared.' })
  }

  /** Ids to compare while writes wait; `again`: compare everything again. @throws AlikeError `move_differs` */
  async #settled(
    { mirror, lock }: Move,
    touched: TouchedIds,
    signal: AbortSignal,
  ): Promise<ReadonlySet<string> | 'again'> {
    let left: string[] = []
    for (let round = 1; round <= comparisonsMax; round++) {
      await catchUp({ mirror, changed: touched, lock, signal })
      const now = touched.touched()
      if (now === 'all') return 'again'
      const ids = new Set([...left, ...now])
      if (ids.size <= touchedMax) return ids
      left = await stillDiffering(mirror, ids)
      if (left.length > touchedMax && now.size === 0) throw differs(left)
    }
    return 'again'
  }

  async #exchange(
    { gallery, serving, copy, mirror, lock }: Move,
    {
      touched,
      again,
      sums: [sum, sumOfCopy],
      signal,
    }: { touched: TouchedIds; again: Set<string>; sums: [SetSum, SetSum]; signal: AbortSignal },
  ): Promise<void> {
    const { galleries, mirrors, exclusion, setKeptDays, logger, now = () => new Date() } = this.#options
    const lately = AbortSignal.any([AbortSignal.timeout(closedMaxMs), signal])
    let compared: Compared = { images: 0, comparedAt: now().toISOString() }
    const expectSame = async () => {
      await catchUp({ mirror, changed: touched, lock, signal: lately })
      const last = touched.touched()
      if (last === 'all') throw new DOMException('Everything has to be compared again.', 'TimeoutError')
      for (const id of last) again.add(id)
      const left = await stillDiffering(mirror, again)
      if (left.length > 0) throw differs(left)
      const images = await expectCounts(mirror, lately)
      // a sum taken during writes does not represent one moment
      const checksum = again.size === 0 && sum.checksum === sumOfCopy.checksum ? sum.checksum : undefined
      compared = { ...compared, images, checksum }
      await galleries.sets.change(copy.uid, { about: asStored({ ...aboutOf(copy), compared }) })
      if (!(await lock.isHeld())) throw new DOMException('The copy may have changed.', 'TimeoutError')
    }
    await exclusion.alone(gallery, async () => {
      const about = aboutFormer(aboutOf(serving), now(), setKeptDays)
      await galleries.sets.serve(gallery, copy.uid, { about, catchUp: expectSame, signal: lately })
    })
    mirrors.forget(copy.uid)
    mirrors.forget(serving.uid)
    const { engine } = copy
    const rolledBack = copy.stage === 'kept'
    logger.info({ gallery, engine, before: serving.engine, rolledBack, ...compared }, 'a gallery has moved')
  }
}

function differs(ids: readonly string[]): AlikeError {
  const listed = ids.slice(0, listedMax).join(', ')
  const others = ids.length > listedMax ? ` and ${ids.length - listedMax} more` : ''
  return new AlikeError('move_differs', {
    detail: `${ids.length} pictures: ${listed}${others}. Delete the copy, and request the move again.`,
  })
}

/**
 * An engine may count what one replica has, and that one may lag: only lists have everything.
 * @returns the number of pictures
 * @throws AlikeError `move_differs`; the signal's reason
 */
async function expectCounts({ from, to }: SetMirror, signal: AbortSignal): Promise<number> {
  const [here, there] = await Promise.all([from.state(), to.state()])
  if (here.images === there.images) return here.images
  const [listed, copied] = await Promise.all([countListed(from, signal), countListed(to, signal)])
  if (listed === copied) return listed
  throw new AlikeError('move_differs', { detail: `The copy has ${copied} pictures, the gallery ${listed}.` })
}

/** Builds a set: embeds it, then evaluates it against the serving one. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ImageEmbedder } from '../embedding/image-embedder.js'
import type { CatalogueSet } from '../gallery/catalogue.js'
import type { OpenSet } from '../gallery/engine.js'
import type { Galleries } from '../gallery/galleries.js'
import type { HeldLock } from '../gallery/writes.js'
import type { JobRecord } from '../jobs/job.js'
import { type JobControl, type JobRunner, type RunEnd, usualDeathsMax } from '../jobs/job-runner.js'
import { patiently } from '../jobs/patience.js'
import type { KeptQueries } from '../originals/kept-queries.js'
import { judgeSets } from './gate.js'
import { type GateBounds, type GateMeasures, type GateReport, notCompared, reasonsAgainst } from './gate-report.js'
import { holdMirror, mirrorLost } from './held-galleries.js'
import { ReEmbeddingRun } from './re-embedding-run.js'
import { replayQueries } from './replayed-queries.js'
import { aboutOf, asStored, servingOf, type WithoutOriginal } from './set-about.js'
import type { SetFollowers } from './set-followers.js'
import type { SetMirror } from './set-mirror.js'
import type { SetMirrors } from './set-mirrors.js'

/** The job's parameters. */
export interface ReEmbeddingTask {
  setUid: string
  withoutOriginal: WithoutOriginal
  ratePerSecond: number
  seed: number
}

export interface ReEmbeddingRunnerOptions extends GateBounds {
  galleries: Galleries
  mirrors: SetMirrors
  followers: SetFollowers
  jobsMax: number
  images: Pick<ImageEmbedder, 'embed'>
  /** Recent search pictures. */
  queries: Pick<KeptQueries, 'pictures'>
  /** Stored pictures used as queries when evaluating two sets. */
  gateQueries: number
  now?: (() => Date) | undefined
}

const waitMs = 200

export class ReEmbeddingRunner implements JobRunner {
  readonly kinds = ['re-embedding'] as const
  readonly jobsAtOnce = 1
  readonly jobsMax: number
  readonly deathsMax = usualDeathsMax
  readonly #options: ReEmbeddingRunnerOptions

  constructor(options: ReEmbeddingRunnerOptions) {
    this.jobsMax = options.jobsMax
    this.#options = options
  }

  async run(job: JobRecord, control: JobControl): Promise<RunEnd> {
    const { galleries } = this.#options
    const { signal } = control
    const lock = await holdMirror(galleries.writes, job.gallery, signal)
    let end: RunEnd
    let isHeldStill = false
    try {
      end = await this.#build(job, control, lock)
    } finally {
      isHeldStill = await lock.release()
    }
    if (!isHeldStill) throw mirrorLost() // the next run compares again
    return end
  }

  async #build(job: JobRecord, control: JobControl, lock: HeldLock): Promise<RunEnd> {
    const { galleries, mirrors, followers } = this.#options
    const { setUid, withoutOriginal, ratePerSecond, seed } = job.source as unknown as ReEmbeddingTask
    const { signal } = control
    // before reading anything, so that later changes are applied at the end
    const changed = galleries.writes.follow(job.gallery, setUid)
    let { mirror, set } = await mirrors.of(job.gallery, setUid)
    try {
      if (set.stage === 'building') await patiently(() => galleries.sets.prepare(set), signal)
      const run = await ReEmbeddingRun.begin(job, control, { mirror, changed, lock, withoutOriginal, ratePerSecond })
      const looked = await run.run()
      if (set.stage === 'building') {
        const ready = await patiently(() => galleries.sets.change(setUid, { stage: 'ready' }), signal)
        set = { ...set, ...ready }
      }
      await this.#judge(set.uid, job.gallery, mirror, { seed, signal })
      return { total: looked }
    } finally {
      const isFollowed = set.stage !== 'building' && (await followers.startIfThere(job.gallery, setUid))
      if (!isFollowed) galleries.writes.unfollow(job.gallery, changed)
    }
  }

  async #judge(setUid: string, gallery: string, mirror: SetMirror, options: { seed: number; signal: AbortSignal }) {
    const { galleries, mirrors, now = () => new Date() } = this.#options
    await untilLinked(mirror.to, options.signal)
    const serving = servingOf(await galleries.sets.list(gallery))
    const { measures, reasons } = galleries.models.has(serving.modelId)
      ? await this.#compared(mirror, { gallery, setUid, serving }, options)
      : notCompared
    const { set } = await mirrors.of(gallery, setUid)
    const gate: GateReport = {
      ...measures,
      judgedAt: now().toISOString(),
      servingModelId: serving.modelId,
      seed: options.seed,
      passed: reasons.length === 0,
      reasons,
    }
    const about = asStored({ ...aboutOf(set), gate })
    await patiently(() => galleries.sets.change(setUid, { about }), options.signal)
  }

  async #compared(
    mirror: SetMirror,
    { gallery, setUid, serving }: { gallery: string; setUid: string; serving: CatalogueSet },
    options: { seed: number; signal: AbortSignal },
  ): Promise<{ measures: GateMeasures; reasons: string[] }> {
    const { mirrors, gateQueries } = this.#options
    const judged = await judgeSets(mirror.from, mirror.to, { queries: gateQueries, ...options })
    const { set } = await mirrors.of(gallery, setUid)
    const measures = { ...judged, replay: await this.#replay(mirror, { serving, set }, options.signal) }
    return { measures, reasons: reasonsAgainst(measures, this.#options) }
  }

  #replay(
    { from, to }: SetMirror,
    { serving, set }: { serving: CatalogueSet; set: CatalogueSet },
    signal: AbortSignal,
  ): Promise<NonNullable<GateReport['replay']> | null> {
    const { images, queries, gateQueries } = this.#options
    return replayQueries({
      serving: { set: from, modelId: serving.modelId },
      other: { set: to, modelId: set.modelId },
      pictures: queries.pictures(serving.galleryUid, gateQueries),
      images,
      signal,
    })
  }
}

/** Waits until its index is complete, so that searches in it behave as they will when it serves. */
async function untilLinked(set: OpenSet, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { pending, building } = await set.state()
    if (pending === 0 && !building) return
    await sleep(waitMs, undefined, { signal })
  }
}

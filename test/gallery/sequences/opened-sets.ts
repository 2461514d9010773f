/** What fills, follows and exchanges the embedding sets of galleries, put together as in `service/job-kinds.ts`. */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { ImageEmbedder, ImageRequest } from '../../../src/embedding/image-embedder.js'
import { hasCode } from '../../../src/errors.js'
import type { Galleries } from '../../../src/gallery/galleries.js'
import { type Jobs, openJobs } from '../../../src/jobs/jobs.js'
import type { Webhooks } from '../../../src/jobs/webhooks.js'
import type { OriginalStore } from '../../../src/originals/original-store.js'
import { EmbeddingSets } from '../../../src/re-embedding/embedding-sets.js'
import { GalleryMoves } from '../../../src/re-embedding/gallery-moves.js'
import { MoveRunner } from '../../../src/re-embedding/move-runner.js'
import { ReEmbeddingRunner } from '../../../src/re-embedding/re-embedding-runner.js'
import { SetExclusion } from '../../../src/re-embedding/set-exclusion.js'
import { SetFollowers } from '../../../src/re-embedding/set-followers.js'
import { SetMirrors } from '../../../src/re-embedding/set-mirrors.js'
import { model } from '../stored-images.js'
import type { TestedEngine } from '../tested-engine.js'
import { bothModels, embeddedBy } from './models.js'
import { pictureOf } from './pictures.js'

interface OpenedSets {
  sets: EmbeddingSets
  moves: GalleryMoves
  jobs: Jobs
  /** How long it takes to embed a picture, and five times that to begin a write to the other set: meanwhile galleries change. */
  pace: { ms: number }
}

export const pace = fc.constantFrom(0, 2, 10)

const ofGalleries = new WeakMap<Galleries, OpenedSets>()

export function setsOf(galleries: Galleries): OpenedSets {
  return ofGalleries.get(galleries)!
}

/** Repeated while a move exchanges the sets, as callers do who are asked to. */
export async function unlessBusy<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries++)
    try {
      return await call()
    } catch (error) {
      if (tries === 1_000 || !hasCode(error, 'overloaded')) throw error
      await sleep(5)
    }
}

/** Galleries of the engine with two models, whose other sets are filled and followed until they are closed. */
export function withSets(engine: TestedEngine): TestedEngine {
  return {
    ...engine,
    async open(t, place, options) {
      const galleries = await engine.open(t, place, { ...options, models: bothModels })
      const { close, ...opened } = await openSets(galleries, engine)
      ofGalleries.set(galleries, opened)
      const closeEngines = galleries.close.bind(galleries)
      let closing: Promise<void> | undefined
      galleries.close = () => (closing ??= close().then(closeEngines))
      return galleries
    },
  }
}

/** Of originals that say which picture they are. */
function embedderAt(pace: { ms: number }): ImageEmbedder {
  const embed = async (bytes: Uint8Array, { modelId }: ImageRequest) => {
    await sleep(pace.ms)
    const { vector, copyDescriptor } = pictureOf(String(bytes))
    const seen = { width: 640, height: 480, format: 'jpeg', thumbnail: Buffer.from('thumbnail') }
    return { ...seen, vector: embeddedBy(modelId!, vector), copyDescriptor }
  }
  return { embed } as unknown as ImageEmbedder
}

const originals = {
  get: async (contentHash: string) => Buffer.from(contentHash),
  size: async (contentHash: string) => contentHash.length,
} as unknown as OriginalStore
const logger = { info() {}, warn() {}, error() {} }
const gate = { gateQueries: 5, gateMapLossMax: 0.01, gateRankLossMax: 0.01, gateCopiesLossMax: 0.02 }
const overlap = { gateOverlapMin: 0.2, gateReplayOverlapMin: 0.1 }

async function openSets(galleries: Galleries, engine: Pick<TestedEngine, 'jobsOf'>) {
  const pace = { ms: 1 }
  const images = embedderAt(pace)
  const changeImages = galleries.sets.changeImages.bind(galleries.sets)
  galleries.sets.changeImages = (...change) => sleep(5 * pace.ms).then(() => changeImages(...change))
  const mirrors = new SetMirrors({ galleries, images, originals, concurrency: 4 })
  const followers = await SetFollowers.open({ galleries, mirrors, logger })
  const exclusion = new SetExclusion(galleries.writes)
  const parts = { galleries, mirrors, followers, exclusion, logger, jobsMax: 1_000, setKeptDays: 1 }
  const queries = { async *pictures() {} }
  const runners = [
    new ReEmbeddingRunner({ ...parts, ...gate, ...overlap, images, queries }),
    new MoveRunner({ ...parts, onEnd() {} }),
  ]
  const jobs = await openJobs({ store: engine.jobsOf(galleries), galleries, runners, jobsKeptDays: 1, logger })
  const shared = { ...parts, jobs, webhooks: {} as Webhooks }
  const memory = { reEmbeddingRateMax: 0, modelsOpenMax: 2, standardModelId: model.id }
  const sets = new EmbeddingSets({ ...shared, ...memory })
  const close = async () => {
    sets.close()
    await jobs.close()
    await followers.close()
  }
  return { sets, moves: new GalleryMoves(shared), jobs, pace, close }
}

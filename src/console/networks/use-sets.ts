/** The embedding sets of a gallery, the current job on one of them, and the available actions. */
import type { Job } from '../api/follow-job.js'
import { renewGalleries } from '../api/galleries.js'
import { answerOf, type Schemas, service } from '../api/service.js'
import { useAction } from '../controls/use-action.js'
import { useLoaded } from '../controls/use-loaded.js'
import { useFollowedJob } from '../jobs/use-followed-job.js'

export type EmbeddingSet = Schemas['EmbeddingSet']

export interface Build {
  /** Name or id. */
  model: string
  /** How to handle pictures without a kept original; default: as when the set was built before. */
  withoutOriginal?: EmbeddingSet['withoutOriginal']
}

export interface Sets {
  /** Undefined until loaded. */
  sets: EmbeddingSet[] | undefined
  /** The current or latest job on one of them. */
  job: Job | undefined
  error: unknown
  /** An action has been requested and is not finished. */
  busy: boolean
  /** It is, or a job is: nothing is built or switched to. */
  isWorking: boolean
  build: (asked: Build) => void
  serve: (model: string, force: boolean) => void
  remove: (model: string) => void
  /** Takes the job from a response. */
  setJob: (job: Job) => void
}

export function useSets(gallery: string): Sets {
  const path = { gallery }
  const { value: sets, error, reload } = useLoaded((signal) => loadSets(gallery, signal), [gallery])
  const jobId = sets?.find((one) => one.job !== undefined)?.job
  const { job, error: unfollowed, setJob } = useFollowedJob(jobId, () => renewGalleries().then(reload))
  const { busy, error: fault, act } = useAction()
  const isWorking = busy || job?.finishedAt === null
  const change = (call: () => Promise<unknown>) => void act(call).then(reload)
  return {
    sets,
    job,
    error: fault ?? unfollowed ?? error,
    busy,
    isWorking,
    setJob,
    build: ({ model, withoutOriginal }) => {
      const body = { model, ...(withoutOriginal && { withoutOriginal }) }
      if (!isWorking)
        change(async () =>
          setJob(await answerOf(service.POST('/v1/galleries/{gallery}/sets', { params: { path }, body }))),
        )
    },
    serve: (model, force) => {
      const body = { model, force }
      if (!isWorking)
        change(async () => {
          await answerOf(service.PUT('/v1/galleries/{gallery}/serving', { params: { path }, body }))
          await renewGalleries()
        })
    },
    remove: (model) =>
      change(() =>
        answerOf(service.DELETE('/v1/galleries/{gallery}/sets/{model}', { params: { path: { gallery, model } } })),
      ),
  }
}

export async function loadSets(gallery: string, signal: AbortSignal): Promise<EmbeddingSet[]> {
  const { sets } = await answerOf(
    service.GET('/v1/galleries/{gallery}/sets', { params: { path: { gallery } }, signal }),
  )
  return sets
}

/** The embedding sets of a gallery, the current job on one of them, and the available actions. */
import { useEffect, useState } from 'preact/hooks'
import { followJob, type Job } from '../api/follow-job.js'
import { loadGalleries } from '../api/galleries.js'
import { answerOf, type Schemas, service } from '../api/service.js'
import { useLoaded } from '../controls/use-loaded.js'

export type EmbeddingSet = Schemas['EmbeddingSet']

export interface Build {
  /** Name or id. */
  model: string
  /** How to handle pictures without a kept original; default: as when the set was built before. */
  withoutOriginal?: EmbeddingSet['withoutOriginal']
}

export interface Sets {
  sets: EmbeddingSet[]
  /** The current or latest job on one of them. */
  job: Job | undefined
  error: unknown
  /** An action has been requested and is not finished. */
  busy: boolean
  build: (asked: Build) => void
  serve: (model: string, force: boolean) => void
  remove: (model: string) => void
  /** Takes the job from a response. */
  setJob: (job: Job) => void
}

export function useSets(gallery: string): Sets {
  const path = { gallery }
  const { value: sets = [], error, reload } = useLoaded((signal) => loadSets(gallery, signal), [gallery])
  const [job, setJob] = useState<Job>()
  const [fault, setFault] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const jobId = sets.find((one) => one.job !== undefined)?.job ?? (job?.finishedAt === null ? job.id : undefined)

  useEffect(() => setJob(undefined), [gallery])
  useFollowed(jobId, { onProgress: setJob, onEnd: reload, onFault: setFault })

  const act = async (call: () => Promise<unknown>) => {
    setBusy(true)
    setFault(undefined)
    await call().catch(setFault)
    setBusy(false)
    reload()
  }
  return {
    sets,
    job,
    error: fault ?? error,
    busy,
    setJob,
    build: ({ model, withoutOriginal }) =>
      void act(async () => {
        const body = { model, ...(withoutOriginal && { withoutOriginal }) }
        setJob(await answerOf(service.POST('/v1/galleries/{gallery}/sets', { params: { path }, body })))
      }),
    serve: (model, force) =>
      void act(async () => {
        await answerOf(service.PUT('/v1/galleries/{gallery}/serving', { params: { path }, body: { model, force } }))
        await loadGalleries()
      }),
    remove: (model) =>
      void act(() =>
        answerOf(service.DELETE('/v1/galleries/{gallery}/sets/{model}', { params: { path: { gallery, model } } })),
      ),
  }
}

interface Following {
  onProgress: (job: Job) => void
  onEnd: () => void
  onFault: (reason: unknown) => void
}

function useFollowed(jobId: string | undefined, { onProgress, onEnd, onFault }: Following): void {
  useEffect(() => {
    if (jobId === undefined) return undefined
    const leaving = new AbortController()
    followJob(jobId, { signal: leaving.signal, onProgress })
      .then(loadGalleries)
      .then(onEnd, (reason: unknown) => {
        if (!leaving.signal.aborted) onFault(reason)
      })
    return () => leaving.abort()
  }, [jobId])
}

export async function loadSets(gallery: string, signal: AbortSignal): Promise<EmbeddingSet[]> {
  const { sets } = await answerOf(
    service.GET('/v1/galleries/{gallery}/sets', { params: { path: { gallery } }, signal }),
  )
  return sets
}

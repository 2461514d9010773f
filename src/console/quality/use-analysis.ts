/** The latest analysis of a kind, followed until it ends, and its result. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { followJob, type Job } from '../api/follow-job.js'
import { answerOf, type Schemas, service } from '../api/service.js'

interface Results {
  evaluate: Schemas['Evaluation']
  duplicates: Schemas['Duplicates']
  doctor: Schemas['Diagnosis']
}
export type AnalysisKind = keyof Results

interface Found<Kind extends AnalysisKind> {
  job?: Job | undefined
  result?: Results[Kind] | undefined
  error?: unknown
  /** None has been requested yet. */
  isNew: boolean
  /** The error is of a request for a new one. */
  isRefused?: boolean | undefined
}

export interface AnalysisState<Kind extends AnalysisKind> extends Omit<Found<Kind>, 'isRefused'> {
  start: () => void
  /** Loads the latest again; undefined if a new one was refused. */
  reload: (() => void) | undefined
}

export function useAnalysis<Kind extends AnalysisKind>(gallery: string, kind: Kind): AnalysisState<Kind> {
  const [state, setState] = useState<Found<Kind>>({ isNew: false })
  const [round, setRound] = useState(0)
  const nextRound = () => setRound((one) => one + 1)
  /** Requested, and not known as a job yet. */
  const isStarting = useRef(false)
  useEffect(() => {
    const leaving = new AbortController()
    const { signal } = leaving
    const show = (next: typeof state) => {
      if (!signal.aborted) setState(next)
    }
    // what was found before stays
    const fail = (error: unknown, isRefused: boolean) => {
      if (!signal.aborted) setState((before) => ({ ...before, error, isRefused }))
    }
    const isStart = isStarting.current
    const run = async () => {
      const job = isStart ? await startAnalysis(gallery, kind) : await latestJob(gallery, kind, signal)
      // one that was requested meanwhile begins with the next round
      if (isStart) isStarting.current = false
      if (job === undefined) return show({ isNew: true })
      show({ job, isNew: false })
      const ended =
        job.finishedAt === null
          ? await followJob(job.id, { signal, onProgress: (job) => show({ job, isNew: false }) })
          : job
      const result = ended.state === 'succeeded' ? await resultOf<Kind>(ended.id, signal) : undefined
      show({ job: ended, result, isNew: false })
    }
    run().catch((error: unknown) => {
      fail(error, isStart)
      if (isStart) isStarting.current = false
    })
    return () => leaving.abort()
  }, [gallery, kind, round])
  const start = () => {
    if (isStarting.current) return
    isStarting.current = true
    nextRound()
  }
  const { isRefused, ...found } = state
  return { ...found, start, reload: isRefused ? undefined : nextRound }
}

async function latestJob(gallery: string, kind: AnalysisKind, signal: AbortSignal): Promise<Job | undefined> {
  const query = { gallery, kind: [kind], limit: 1 }
  const { jobs } = await answerOf(service.GET('/v1/jobs', { params: { query }, signal }))
  return jobs[0]
}

function startAnalysis(gallery: string, kind: AnalysisKind): Promise<Job> {
  const params = { path: { gallery } }
  if (kind === 'evaluate') return answerOf(service.POST('/v1/galleries/{gallery}/evaluate', { params }))
  if (kind === 'doctor') return answerOf(service.POST('/v1/galleries/{gallery}/doctor', { params }))
  return answerOf(service.POST('/v1/galleries/{gallery}/duplicates', { params }))
}

async function resultOf<Kind extends AnalysisKind>(job: string, signal: AbortSignal): Promise<Results[Kind]> {
  const result = await answerOf(service.GET('/v1/jobs/{job}/result', { params: { path: { job } }, signal }))
  return result as Results[Kind]
}

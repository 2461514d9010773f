/**
 * One analysis from start to end. Computation runs in a dedicated thread; neighbours come from the index that serves
 * searches, in its time slices; this module connects the two.
 */
import { defaultDuplicateScore } from '../copies/near-copy-score.js'
import { hasCode } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import type { Neighbours, NeighboursRequest, OpenScan } from '../gallery/scan.js'
import type { Serving } from '../gallery/serving.js'
import type { JobRecord, RunReading } from '../jobs/job.js'
import { CalledThread } from '../worker-calls/called-thread.js'
import { RunControl } from '../worker-calls/run-control.js'
import type { AnalysisCalls, AnalysisThreadData } from './analysis-protocol.js'
import type { AnalysisTask } from './findings/parameters.js'
import type { RecallReport } from './findings/quality-report.js'
import type { AnalysisResult } from './findings/results.js'
import type { Answered } from './findings/settled.js'
import { decisionsOf, judgementPages } from './gallery-judgements.js'
import { untilLinked, untilSettled } from './readiness.js'

/** Pictures requested per call: more than fit in one slice, yet few enough to send repeatedly. */
const picturesAtOnce = 256
/** Number of neighbours for recall, and maximum pictures to measure it with. */
const recall = { k: 10, sample: 500 } as const

/** What a run keeps using until its end, even if another set begins to serve the gallery. */
interface AtWork {
  serving: Serving
  scan: OpenScan
  thread: CalledThread<AnalysisCalls>
}

type TaskOf<Kind extends AnalysisTask['kind']> = Extract<AnalysisTask, { kind: Kind }>

export interface AnalysisRunParts {
  galleries: Galleries
  /** Settles when pictures of older data have their copy descriptors; analyses of copies wait for it. */
  copiesDescribed?: Promise<void> | undefined
}

export class AnalysisRun {
  readonly #job: JobRecord
  readonly #galleries: Galleries
  readonly #copiesDescribed: Promise<void> | undefined
  readonly #signal: AbortSignal
  readonly #startedAt = performance.now()
  #control = new RunControl()

  /** @param signal aborted to stop the run; the job's state is unchanged */
  constructor(job: JobRecord, { galleries, copiesDescribed }: AnalysisRunParts, signal: AbortSignal) {
    this.#job = job
    this.#galleries = galleries
    this.#copiesDescribed = copiesDescribed
    this.#signal = signal
  }

  reading(): RunReading {
    const { done, expected } = this.#control
    // the number of items is unknown until the gallery has been read
    return {
      elapsedMs: performance.now() - this.#startedAt,
      doneInThisRun: done,
      shareAtStart: 0,
      share: 0,
      done,
      total: expected === 0 ? null : expected,
    }
  }

  /**
   * Starts over if the set that it reads is removed because another one serves the gallery.
   * @throws AlikeError why there is no result; the signal's reason when stopped
   */
  async run(task: AnalysisTask): Promise<{ total: number; result: AnalysisResult }> {
    for (;;) {
      const serving = await this.#galleries.searches.serving(this.#job.gallery)
      try {
        return await this.#runOn(serving, task)
      } catch (error) {
        if (!hasCode(error, 'gallery_not_found') || !(await this.#isReplaced(serving))) throw error
        this.#control = new RunControl()
      }
    }
  }

  async #isReplaced({ galleries, setUids }: Serving): Promise<boolean> {
    const now = await this.#galleries.searches.serving(this.#job.gallery)
    return now.galleries === galleries && now.setUids[0] !== setUids[0]
  }

  async #runOn(serving: Serving, task: AnalysisTask): Promise<{ total: number; result: AnalysisResult }> {
    this.#signal.throwIfAborted() // while the set was looked for; it is not aborted again
    const { gallery } = this.#job
    const scan = serving.examples.scan()
    const stop = () => this.#control.stop()
    this.#signal.addEventListener('abort', stop)
    const thread = new CalledThread<AnalysisCalls>({
      name: 'analysis',
      file: new URL('./analysis-worker.js', import.meta.url),
      data: { control: this.#control.shared } satisfies AnalysisThreadData,
      onFailure: () => {}, // the call that waits for it sees the error
    })
    try {
      if (task.kind === 'evaluate' || task.kind === 'doctor') await untilLinked(scan, serving, this.#signal)
      const comparesCopies = task.kind === 'evaluate' ? task.duplicateScore !== undefined : task.kind !== 'layout'
      if (comparesCopies) await untilSettled(this.#copiesDescribed, this.#signal)
      const found = await this.#resultOf(task, { scan, serving, thread })
      const result: AnalysisResult = { ...found, gallery, modelId: serving.modelId }
      return { total: this.#control.done, result }
    } finally {
      this.#signal.removeEventListener('abort', stop)
      this.#control.stop()
      await thread.close()
    }
  }

  #resultOf(task: AnalysisTask, { scan, serving, thread }: AtWork) {
    if (task.kind === 'evaluate') return this.#evaluate(task, scan, thread)
    if (task.kind === 'layout') return this.#layOut(task, { scan, serving, thread })
    return task.kind === 'duplicates' ? this.#findDuplicates(task, scan, thread) : this.#examine(task, scan, thread)
  }

  async #evaluate({ kind, efs, ...query }: TaskOf<'evaluate'>, scan: OpenScan, thread: CalledThread<AnalysisCalls>) {
    await thread.call('load', {
      source: scan.source,
      answered: await this.#answered(),
      vectors: true,
      descriptors: query.duplicateScore !== undefined,
    })
    const { k } = recall
    const drawn = await thread.call('truths', { size: Math.min(recall.sample, query.sample), seed: query.seed, k })
    this.#control.expect(drawn.length * (efs.length + 1))
    const index: RecallReport = {
      k,
      queries: drawn.length,
      default: await this.#recall(scan, drawn, undefined, thread),
      atEf: [],
    }
    for (const ef of efs) index.atEf.push({ ef, ...(await this.#recall(scan, drawn, ef, thread)) })
    await this.#sendJudgements(thread)
    return { kind, quality: await thread.call('quality', query), index }
  }

  async #recall(scan: OpenScan, drawn: Uint32Array, ef: number | undefined, thread: CalledThread<AnalysisCalls>) {
    const { k } = recall
    const counts = new Uint32Array(drawn.length)
    const scores = new Float32Array(drawn.length * k)
    let byGraph = 0
    await this.#ask(scan, drawn, { k, ef, asForQuery: true }, (_, found, from) => {
      counts.set(found.counts, from)
      scores.set(found.scores, from * k)
      byGraph += found.byGraph
    })
    return {
      recall: await thread.call('recall', { counts, scores, k }),
      byGraph: drawn.length === 0 ? 0 : byGraph / drawn.length,
    }
  }

  // A job accepted before copy descriptors existed has another kind of threshold, which does not apply to them.
  async #findDuplicates(
    { kind, duplicateScore = defaultDuplicateScore, limit }: TaskOf<'duplicates'>,
    scan: OpenScan,
    thread: CalledThread<AnalysisCalls>,
  ) {
    await thread.call('load', {
      source: scan.source,
      answered: await this.#answered(),
      vectors: false,
      descriptors: true,
    })
    return { kind, ...(await thread.call('duplicates', { duplicateScore, limit })) }
  }

  async #examine(
    { kind, k, duplicateScore = defaultDuplicateScore, limit }: TaskOf<'doctor'>,
    scan: OpenScan,
    thread: CalledThread<AnalysisCalls>,
  ) {
    const numbers = await thread.call('load', {
      source: scan.source,
      answered: await this.#answered(),
      vectors: false,
      descriptors: true,
    })
    // twice as many as will count, because copies among them do not
    await thread.call('gather', { depth: 2 * k })
    await this.#gather(scan, numbers, 2 * k, thread)
    return { kind, ...(await thread.call('doctor', { k, duplicateScore, limit })) }
  }

  async #gather(scan: OpenScan, numbers: Uint32Array, k: number, thread: CalledThread<AnalysisCalls>): Promise<void> {
    this.#control.expect(numbers.length)
    await this.#ask(scan, numbers, { k }, (queries, found) => thread.call('neighbours', { queries, k, ...found }))
  }

  async #ask(
    scan: OpenScan,
    numbers: Uint32Array,
    request: Omit<NeighboursRequest, 'numbers'>,
    use: (queries: Uint32Array, found: Neighbours, from: number) => void | Promise<void>,
  ): Promise<void> {
    for (let from = 0; from < numbers.length; ) {
      this.#signal.throwIfAborted()
      const found = await scan.neighbours({ ...request, numbers: numbers.slice(from, from + picturesAtOnce) })
      await use(numbers.slice(from, from + found.answered), found, from)
      this.#control.advance(found.answered)
      from += found.answered
    }
  }

  /** Stored with the set; the result only records its existence. */
  async #layOut({ kind, ...request }: TaskOf<'layout'>, { scan, serving, thread }: AtWork) {
    const kept = this.#galleries.sets.layoutOf(serving)
    const { modelId } = serving
    const mark = await kept.mark() // before reading, so that later changes make it stale
    await thread.call('load', { source: scan.source, answered: [], vectors: true, descriptors: false })
    const { ids, layout } = await thread.call('layout', request)
    this.#signal.throwIfAborted()
    const { coordinates, doubts, pcaDimensions, sampled, neighbours } = layout
    const method = { pcaDimensions, sampled, neighbours, seed: request.seed }
    const points = ids.map((id, i) => ({
      id,
      x: coordinates[2 * i]!,
      y: coordinates[2 * i + 1]!,
      doubt: Number.isNaN(doubts[i]) ? null : doubts[i]!,
    }))
    await kept.save({ modelId, mark, images: ids.length, method }, points)
    return { kind, pictures: ids.length, sampled }
  }

  async #sendJudgements(thread: CalledThread<AnalysisCalls>): Promise<void> {
    for await (const page of judgementPages(this.#galleries, this.#job.gallery)) {
      this.#signal.throwIfAborted()
      await thread.call(
        'judgements',
        page.map(({ query, hit, verdict }) => ({ query, hit, verdict })),
      )
    }
  }

  /** Questions that have already been answered. */
  #answered(): Promise<Answered[]> {
    return decisionsOf(this.#galleries, this.#job.gallery)
  }
}

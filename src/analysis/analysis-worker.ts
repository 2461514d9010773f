/**
 * The thread of one analysis. It ends with its job and releases its memory, which may include a second copy of all
 * vectors of a gallery.
 */
import { workerData } from 'node:worker_threads'
import { readWholeGallery, type WholeGallery } from '../gallery/whole-gallery.js'
import { lowerThreadPriority, lowest } from '../niceness.js'
import { answerCalls } from '../worker-calls/answered-calls.js'
import { RunControl } from '../worker-calls/run-control.js'
import type { AnalysisCalls, AnalysisThreadData } from './analysis-protocol.js'
import { findCopyGroups } from './copies.js'
import type { CopyGroups } from './findings/copy-groups.js'
import { examine } from './findings/doctor.js'
import { reportDuplicates } from './findings/duplicates.js'
import { evaluateGallery } from './findings/evaluation.js'
import { layOut } from './findings/layout.js'
import { kthScores, recallOf } from './findings/recall.js'
import { drawSample } from './findings/sample.js'
import { type Apart, Settled } from './findings/settled.js'
import { Verdicts } from './findings/verdicts.js'
import { Gathering } from './gathering.js'

// searches come first if cores are few
lowerThreadPriority(lowest)

const control = new RunControl((workerData as AnalysisThreadData).control)
let gallery: WholeGallery
let settled: Settled
let truths: Float32Array
let verdicts: Verdicts | undefined
let gathering: Gathering

/** Progress counts pictures. */
function copyGroups(duplicateScore: number, apart: Apart): CopyGroups {
  const count = gallery.ids.length
  let reported = 0
  control.expect(count)
  const groups = findCopyGroups(gallery, duplicateScore, apart, (share) => {
    control.throwIfStopped()
    const done = Math.floor(share * count)
    control.advance(done - reported)
    reported = done
  })
  control.advance(count - reported)
  return groups
}

const step = () => {
  control.throwIfStopped()
  control.advance()
}

answerCalls<AnalysisCalls>(
  {
    async load({ source, answered, vectors, descriptors }) {
      gallery = await readWholeGallery(source, { vectors, descriptors, onPage: () => control.throwIfStopped() })
      settled = new Settled(gallery, answered)
      return gallery.numbers
    },
    truths({ size, seed, k }) {
      const drawn = drawSample(gallery.ids.length, size, seed)
      control.expect(drawn.length)
      truths = kthScores(gallery, drawn, k, step)
      return drawn.map((position) => gallery.numbers[position]!)
    },
    recall: ({ counts, scores, k }) => recallOf({ counts, found: scores, truths, k, others: gallery.ids.length - 1 }),
    judgements(more) {
      verdicts ??= new Verdicts(gallery)
      verdicts.add(more)
    },
    quality(request) {
      const { duplicateScore } = request
      const options = {
        ...request,
        copies: duplicateScore === undefined ? undefined : copyGroups(duplicateScore, settled.apart(['not-copies'])),
        onSample: (queries: number) => control.expect(queries),
        onQuery: step,
      }
      const judged = verdicts?.report(options) // first, because the other one moves the vectors
      return { ...evaluateGallery(gallery, options), ...(judged && { judged }) }
    },
    layout: (request) => ({
      ids: gallery.ids,
      layout: layOut(gallery, {
        ...request,
        onExpect: (steps) => control.expect(steps),
        onStep: step,
        onPause: () => control.throwIfStopped(),
      }),
    }),
    gather({ depth }) {
      gathering = new Gathering(gallery, depth)
    },
    neighbours: (found) => gathering.take(found),
    duplicates({ duplicateScore, limit }) {
      const notCompared = gallery.copies.hasFeatures.reduce((sum, has) => sum + 1 - has, 0)
      const apart = settled.apart(['not-copies', 'dismissed'])
      const groups = copyGroups(duplicateScore, apart)
      return reportDuplicates(gallery, groups, { duplicateScore, notCompared, dismissed: apart.count, limit })
    },
    doctor: ({ k, duplicateScore, limit }) =>
      examine(gallery, gathering.lists, copyGroups(duplicateScore, settled.apart(['not-copies'])), {
        k,
        duplicateScore,
        limit,
        settled,
      }),
  },
  () => {},
)

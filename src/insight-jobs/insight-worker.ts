/**
 * The thread of one analysis. It ends with its job, and its memory, which may be that of all
 * vectors of a gallery once more, goes with it.
 */
import { setPriority } from 'node:os'
import { workerData } from 'node:worker_threads'
import { readWholeGallery, type WholeGallery } from '../gallery/whole-gallery.js'
import { examine } from '../insight/doctor.js'
import { reportDuplicates } from '../insight/duplicates.js'
import { evaluateGallery } from '../insight/evaluation.js'
import { kthScores, recallOf } from '../insight/recall.js'
import { drawSample } from '../insight/sample.js'
import { answerCalls } from '../worker-calls.js'
import { Gathering } from './gathering.js'
import type { InsightCalls, InsightThreadData } from './insight-protocol.js'
import { RunControl } from './run-control.js'

// Of this thread alone, as Linux counts it (elsewhere it would be the whole process): searches come first where cores are few.
if (process.platform === 'linux') setPriority(19)

const control = new RunControl((workerData as InsightThreadData).control)
let gallery: WholeGallery
let truths: Float32Array
let gathering: Gathering

const step = () => {
  control.throwIfStopped()
  control.advance()
}

answerCalls<InsightCalls>(
  {
    load({ source, vectors }) {
      gallery = readWholeGallery(source, { vectors, onPage: () => control.throwIfStopped() })
      return gallery.slots
    },
    truths({ size, seed, k }) {
      const drawn = drawSample(gallery.ids.length, size, seed)
      control.expect(drawn.length)
      truths = kthScores(gallery.vectors, gallery.dimension, drawn, k, step)
      return drawn.map((position) => gallery.slots[position]!)
    },
    recall: ({ counts, scores, k }) => recallOf({ counts, found: scores, truths, k, others: gallery.ids.length - 1 }),
    quality: (request) => evaluateGallery(gallery, { ...request, onSample: (queries) => control.expect(queries), onQuery: step }),
    gather(request) {
      gathering = new Gathering(gallery, request)
    },
    neighbours: (found) => gathering.take(found),
    duplicates: ({ limit }) => reportDuplicates(gallery, gathering.groups, { minScore: gathering.minScore, limit }),
    doctor: ({ k, limit }) => examine(gallery, gathering.lists, gathering.groups, { k, minScore: gathering.minScore, limit }),
  },
  () => {},
)

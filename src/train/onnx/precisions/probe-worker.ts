/** A thread that runs its share of the calibration pictures. */
import { workerData } from 'node:worker_threads'
import { answerCalls } from '../../../worker-calls/answered-calls.js'
import { type ProbeCalls, type ProbeTask, probeImages } from './probe-images.js'

answerCalls<ProbeCalls>({ probe: () => probeImages(workerData as ProbeTask) }, () => {})

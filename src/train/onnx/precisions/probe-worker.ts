/** A thread that runs its share of the pictures of a calibration, answers once and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { type ProbeTask, probeImages } from './probe-images.js'

parentPort!.postMessage(await probeImages(workerData as ProbeTask))

/** A thread that runs its share of the pictures of a calibration, answers once and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { type ProbeTask, probePictures } from './probe-pictures.js'

parentPort!.postMessage(await probePictures(workerData as ProbeTask))

/**
 * From 1.29 on, ONNX Runtime sends its maker what it runs (name and checksums of the model, the machine, errors, how often) with
 * a persistent identifier, unless this variable is set before it loads. Imported before onnxruntime-node, and by what starts
 * threads that load it: the environment of a thread is a copy, which native code does not read.
 */
import { isMainThread } from 'node:worker_threads'

const variable = 'ORT_DISABLE_TELEMETRY'

if (isMainThread) process.env[variable] = '1'
else if (process.env[variable] !== '1') throw new Error(`The main thread did not set ${variable}.`)

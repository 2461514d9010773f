/** A process that prepares one picture and prints the memory used: `node decode-peak.js FILE OPTIONS-AS-JSON`. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { type PrepareOptions, planPreparation, prepareImage } from '../../src/image/prepare.js'

export interface DecodePeak {
  /** Predicted from the header. */
  expectedBytes: number
  /** VmHWM minus what the process used before. */
  peakBytes: number
  ms: number
  error?: string
}

const file = fileURLToPath(import.meta.url)
export const peakOptions: PrepareOptions = {
  preprocessing: {
    inputSize: 224,
    fit: 'cover',
    resizeShortSide: 224,
    kernel: 'cubic',
    mean: [0, 0, 0],
    std: [1, 1, 1],
  },
  maxPixels: 1e9,
}

export async function decodePeak(image: string, options: Partial<PrepareOptions> = {}): Promise<DecodePeak> {
  const { stdout } = await promisify(execFile)(process.execPath, [file, image, JSON.stringify(options)])
  return JSON.parse(stdout) as DecodePeak
}

function statusBytes(key: string): number {
  return Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
}

/** VmHWM restarts at VmRSS: loading has a peak of its own. See proc(5). */
function forgetPeak(): void {
  writeFileSync('/proc/self/clear_refs', '5')
}

if (process.argv[1] === file) {
  const bytes = readFileSync(process.argv[2]!)
  const options = { ...peakOptions, ...(JSON.parse(process.argv[3]!) as Partial<PrepareOptions>) }
  const small = sharp({ create: { width: 64, height: 64, channels: 3, background: '#123' } })
  // loads what is loaded once; small JPEGs are not decoded by sharp
  for (const file of [await small.clone().jpeg().toBuffer(), await small.png().toBuffer()])
    await prepareImage(file, { ...options, thumbnail: { maxSide: 64 } })
  await sleep(100)
  forgetPeak()
  const before = statusBytes('VmRSS')
  const { decodeBytes: expectedBytes, prepare } = await planPreparation(bytes, options)
  const startedAt = performance.now()
  const error = await prepare().then(() => undefined, String)
  const peak: DecodePeak = {
    expectedBytes,
    peakBytes: Math.max(0, statusBytes('VmHWM') - before),
    ms: Math.round(performance.now() - startedAt),
    ...(error !== undefined && { error }),
  }
  console.log(JSON.stringify(peak))
}

/**
 * Does decoding scale with the number of cores? Prepares pictures of 275×183 inside one process with varying
 * concurrency, and in decoder processes, two at once in each; prints pictures per second, also relative to one process.
 * Needs only the build: `npx node dist/bench/decoders.js [--seconds 2] [--processes 1,2,4,8,16] [--json]`.
 */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pMap from 'p-map'
import { type DecodersSize, openDecoders } from '../src/image/decoders.js'
import type { PrepareOptions } from '../src/image/prepare.js'
import { drawImage, drawnLabels } from '../test/support/drawn-images.js'
import { table } from './report.js'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    processes: { type: 'string', default: '1,2,4,8,16' },
    json: { type: 'boolean', default: false },
  },
})
const cores = availableParallelism()
const seconds = Number(values.seconds)

const options: PrepareOptions = {
  preprocessing: {
    inputSize: 224,
    fit: 'cover',
    resizeShortSide: 232,
    kernel: 'linear',
    mean: [0, 0, 0],
    std: [1, 1, 1],
  },
  maxPixels: 1e8,
}
const kinds: Record<string, PrepareOptions> = {
  pixels: options,
  query: { ...options, copies: true },
  'stored, with thumbnail': { ...options, copies: true, thumbnail: { maxSide: 192 } },
}

interface Row extends DecodersSize {
  kind: string
  perSecond: number
  /** CPU time per picture in the service's own process, ms. */
  serviceCpuMs: number
}

/** libuv reads the size of its pool before any of our code runs. */
if (process.env.UV_THREADPOOL_SIZE === undefined) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, UV_THREADPOOL_SIZE: '32' },
  })
  child.on('close', (code) => {
    process.exitCode = code ?? 1
  })
} else {
  const images = await Promise.all(
    Array.from({ length: 64 }, (_, i) =>
      drawImage(drawnLabels[i % drawnLabels.length]!, i + 1, { width: 275, height: 183 }),
    ),
  )
  const sizes: DecodersSize[] = [1, 4, 16].map((count) => ({ processes: 0, count }))
  const most = values.processes
    .split(',')
    .map(Number)
    .filter((processes) => processes <= cores)
  for (const processes of most) sizes.push({ processes, count: 2 * processes })
  sizes.push({ processes: most.at(-1)!, count: most.at(-1)! })

  const rows: Row[] = []
  for (const size of sizes) rows.push(...(await measure(size, images)))
  if (values.json) console.log(JSON.stringify({ cores, rows }, undefined, 1))
  else print(rows)
}

async function measure(size: DecodersSize, images: readonly Buffer[]): Promise<Row[]> {
  const decoders = await openDecoders({
    ...size,
    memoryMaxBytes: 2 ** 30,
    logger: { warn: (fields, message) => console.error(fields, message) },
  })
  const rows: Row[] = []
  for (const [kind, wanted] of Object.entries(kinds)) {
    const prepareFor = (ms: number) => {
      const until = performance.now() + ms
      let done = 0
      const one = async () => {
        while (performance.now() < until) await decoders.prepare(images[done++ % images.length]!, wanted)
      }
      return pMap(Array.from({ length: size.count + size.processes }), one).then(() => done)
    }
    while (decoders.processes < size.processes) await prepareFor(100)
    await prepareFor(300)
    const [startedAt, cpu] = [performance.now(), process.cpuUsage()]
    const done = await prepareFor(seconds * 1000)
    const { user, system } = process.cpuUsage(cpu)
    rows.push({
      ...size,
      kind,
      perSecond: (done / (performance.now() - startedAt)) * 1000,
      serviceCpuMs: (user + system) / 1000 / done,
    })
  }
  await decoders.close()
  return rows
}

function print(rows: readonly Row[]): void {
  const sizes = [...new Set(rows.map(sizeOf))]
  const cell = (size: string, kind: string) => {
    const row = rows.find((one) => sizeOf(one) === size && one.kind === kind)!
    const one = rows.find(
      (other) =>
        other.kind === kind &&
        other.processes === (row.processes === 0 ? 0 : 1) &&
        (row.processes > 0 || other.count === 1),
    )!
    return `${Math.round(row.perSecond)} (${(row.perSecond / one.perSecond).toFixed(1)} ×), ${row.serviceCpuMs.toFixed(2)}`
  }
  console.log(
    `${cores} cores. Pictures per second (relative to one), CPU time of the service's own process per picture, ms.\n`,
  )
  console.log(
    table(
      ['decoders', ...Object.keys(kinds)],
      sizes.map((size) => [size, ...Object.keys(kinds).map((kind) => cell(size, kind))]),
    ),
  )
}

function sizeOf({ processes, count }: DecodersSize): string {
  return processes === 0 ? `in the service, ${count} at once` : `${processes} processes, ${count} at once`
}

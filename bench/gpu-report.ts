/** The results of `bench:gpu` as a readable report. */
import type { DecodeRate } from './decode-rate.js'
import type { MachineFacts } from './machine-facts.js'
import type { Ingest, Load, ServiceFacts } from './measure-service.js'
import type { NetworkRate } from './network-rate.js'
import { table } from './report.js'

export interface VariantResult {
  name: string
  settings: Record<string, string>
  service?: ServiceFacts
  /** Of all GPUs, before the service started and when it was ready. */
  gpuUsedMiB?: { before: number | undefined; ready: number | undefined }
  loads: Load[]
  ingest: Ingest[]
  /** Why the measurement is incomplete. */
  failure?: string
}

export interface GpuBenchReport {
  machine: MachineFacts
  /** Settings common to all variants. */
  settings: Record<string, string>
  stored: number
  network?: NetworkRate
  decode: DecodeRate[]
  variants: VariantResult[]
  /** Parts skipped because time ran out. */
  leftOut: string[]
  seconds: number
}

const number = (value: number | undefined, digits = 1) =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits)

const startColumns = [
  'variant',
  'provider',
  'precision',
  'workers',
  'batch sizes',
  'golden cosine',
  'ready, s',
  'GPU memory before, MiB',
  'ready, MiB',
  '',
]
const queryColumns = [
  'variant',
  'clients',
  'queries/s',
  'p50, ms',
  'p99, ms',
  'embed, ms',
  'embed p99, ms',
  'queue, ms',
  'decode, ms',
  'search, ms',
  'pictures per run',
  'cores',
  'GPU busy, %',
  'GPU memory, MiB',
  'refused',
]
const ingestColumns = [
  'variant',
  'thumbnails',
  'pictures',
  'pictures/s',
  'job alone',
  'sent in, s',
  'cores',
  'search idle p50, ms',
  'p95',
  'during p50',
  'p95',
  'p95 ratio',
  'searches',
]

export function gpuReport(report: GpuBenchReport): string {
  const { machine, variants, network, decode, leftOut } = report
  const gpus = machine.gpus
    .map(({ name, driver, memoryMiB }) => `${name} (${memoryMiB} MiB, driver ${driver})`)
    .join(', ')
  const onCpu = variants.some(({ service }) => service !== undefined && service.provider !== 'cuda')
  return [
    '# bench:gpu',
    `${gpus || 'No GPU'}; ${machine.cores} cores of ${machine.processor}, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.system}, Node ${machine.node}, ${machine.at}. ${report.stored} stored pictures, 275×183 JPEGs, ${report.seconds.toFixed(0)} s in all.`,
    ...(onCpu ? ['**The network ran on the CPU**: these numbers do not apply to a GPU.'] : []),
    '## Start',
    table(startColumns, variants.map(startRow)),
    '## Queries',
    table(
      queryColumns,
      variants.flatMap(({ name, loads }) => loads.map((load) => loadRow(name, load))),
    ),
    '## The network alone',
    ...(network === undefined ? ['Not measured.'] : networkTables(network)),
    '## Decoding alone',
    decodeTable(decode),
    '## Ingestion of a tar during sequential searches',
    ingestTable(variants),
    ...(leftOut.length === 0 ? [] : [`Skipped because time ran out: ${leftOut.join('; ')}.`]),
    '',
  ].join('\n\n')
}

function startRow({ name, service, gpuUsedMiB, failure }: VariantResult): string[] {
  const {
    provider = '–',
    precision = '–',
    workers,
    devices,
    batchSizes,
    goldenCosine,
    readyMs,
    fallbackReason,
  } = service ?? {}
  const device = devices === undefined ? '' : ` (${devices.join(', ')})`
  return [
    name,
    `${provider}${device}`,
    precision,
    number(workers, 0),
    batchSizes?.join(', ') ?? '–',
    number(goldenCosine, 7),
    number(readyMs === undefined ? undefined : readyMs / 1000),
    number(gpuUsedMiB?.before, 0),
    number(gpuUsedMiB?.ready, 0),
    [failure, fallbackReason].filter((text) => text !== undefined).join('; '),
  ]
}

function loadRow(name: string, load: Load): string[] {
  const refused = Object.entries(load.refusals)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ')
  return [
    name,
    String(load.clients),
    number(load.perSecond),
    number(load.p50Ms),
    number(load.p99Ms),
    number(load.embedMs),
    number(load.embedP99Ms),
    number(load.queueMs),
    number(load.decodeMs),
    number(load.searchMs),
    number(load.batchSize),
    number(load.cores),
    number(load.gpuBusyPercent, 0),
    number(load.gpuUsedMiB, 0),
    refused || '0',
  ]
}

function ingestRow(name: string, one: Ingest): string[] {
  return [
    name,
    one.thumbnails ? 'with' : 'without',
    String(one.images),
    number(one.perSecond, 0),
    number(one.perSecondOfJob, 0),
    number(one.sentSeconds),
    number(one.cores),
    number(one.idleP50Ms),
    number(one.idleP95Ms),
    number(one.duringP50Ms),
    number(one.duringP95Ms),
    number(one.duringP95Ms / one.idleP95Ms, 2),
    String(one.searchesDuring),
  ]
}

function networkTables({ provider, precision, sizes, threads }: NetworkRate): string[] {
  return [
    `${provider}, ${precision}; one session per batch size.`,
    table(
      ['batch size', 'opened in, ms', 'run, ms', 'pictures/s', 'GPU memory, MiB'],
      sizes.map(({ batchSize, openMs, runMs, gpuMiB }) => [
        String(batchSize),
        number(openMs, 0),
        number(runMs, 2),
        number((batchSize / runMs) * 1000, 0),
        number(gpuMiB, 0),
      ]),
    ),
    table(
      ['batch size', 'threads', 'pictures/s'],
      threads.map(({ batchSize, workers, perSecond }) => [String(batchSize), String(workers), number(perSecond, 0)]),
    ),
  ]
}

function decodeTable(decode: readonly DecodeRate[]): string {
  if (decode.length === 0) return 'Not measured.'
  return table(
    ['at once', 'thumbnail', 'pictures/s', 'core time per picture, ms'],
    decode.map(({ atOnce, thumbnail, perSecond, cpuMs }) => [
      String(atOnce),
      thumbnail ? 'with' : 'without',
      number(perSecond, 0),
      number(cpuMs, 2),
    ]),
  )
}

function ingestTable(variants: readonly VariantResult[]): string {
  if (variants.every(({ ingest }) => ingest.length === 0)) return 'Not measured.'
  return table(
    ingestColumns,
    variants.flatMap(({ name, ingest }) => ingest.map((one) => ingestRow(name, one))),
  )
}

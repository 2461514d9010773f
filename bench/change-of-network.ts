/**
 * A gallery changes its network while others search it: filled with one model, searched continuously, embedded again
 * with another, checked by the gate, switched, rolled back. Reports failed searches, answers that mixed two sets, and
 * search latency in each phase.
 *
 *     npx node dist/bench/change-of-network.js [--data FOLDER] [--count 2000] [--from har-lite0] [--to har-resnet50]
 *         [--clients 8]
 *
 * Without your own pictures (one folder per label, or with a labels.csv) it draws some.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { AlikeClient, type components, dataOf, type Job } from '../clients/typescript/src/alike-client.js'
import { percentile } from '../src/cli/percentile.js'
import { bytesOf } from '../src/datasets/image-bytes.js'
import { readSplitImages } from '../src/datasets/split-images.js'
import { readModel } from '../src/embedding/model-manifest.js'
import { tarUpload } from './archive.js'
import { type BenchImage, drawBenchImages } from './drawn-gallery.js'
import { table } from './report.js'
import { ServiceProcess } from './service-process.js'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    count: { type: 'string', default: '2000' },
    from: { type: 'string', default: 'har-lite0' },
    to: { type: 'string', default: 'har-resnet50' },
    clients: { type: 'string', default: '8' },
  },
})
const gallery = 'changing'
/** A stored picture finds itself only in the set whose model embedded the query. */
const ownScoreMin = 0.99

interface Phase {
  name: string
  latenciesMs: number[]
  failed: number
  startedAt: number
  /** Answers that missed the query picture itself: query and gallery were of different networks, or the graph missed it. */
  suspects: Suspect[]
  byModel: Map<string, number>
}

interface Suspect {
  image: BenchImage
  modelId: string
  score: number
  /** Since the phase began. */
  afterMs: number
}

/** Clients that search continuously with stored pictures and count the results per phase. */
class Searching {
  readonly phases: Phase[] = []
  readonly #service: AlikeClient
  readonly #images: readonly BenchImage[]
  readonly #stop = new AbortController()
  readonly #clients: Promise<void>[]

  constructor(service: AlikeClient, images: readonly BenchImage[], clients: number) {
    this.#service = service
    this.#images = images
    this.begin('idle')
    this.#clients = Array.from({ length: clients }, (_, client) => this.#search(client))
  }

  begin(name: string): void {
    this.phases.push({
      name,
      startedAt: performance.now(),
      latenciesMs: [],
      failed: 0,
      suspects: [],
      byModel: new Map(),
    })
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#clients)
  }

  async #search(client: number): Promise<void> {
    for (let i = client; !this.#stop.signal.aborted; i += this.#clients?.length ?? 1) {
      const phase = this.phases.at(-1)!
      const startedAt = performance.now()
      try {
        const image = this.#images[(i * 7_919) % this.#images.length]!
        const { modelId, hits } = await this.#service.search(gallery, new Uint8Array(image.bytes), { k: 10 })
        phase.latenciesMs.push(performance.now() - startedAt)
        phase.byModel.set(modelId, (phase.byModel.get(modelId) ?? 0) + 1)
        const score = hits[0]?.score ?? 0
        if (score < ownScoreMin) {
          phase.suspects.push({ image, modelId, score, afterMs: startedAt - phase.startedAt })
        }
      } catch (error) {
        phase.failed++
        console.error(String(error))
        await sleep(100)
      }
    }
  }
}

const images = await benchImages()
const [from, to] = await Promise.all([values.from, values.to].map(async (name) => readModel(join('onnx', name))))
const service = await ServiceProcess.start({ MODEL_DIR: join('onnx', values.from), MODELS_DIR: 'onnx' })
const client = new AlikeClient({ url: service.url, retry: { attempts: 1 } })
try {
  await client.createGallery(gallery)
  const filled = await timed(async () => client.waitForJob((await client.ingest(gallery, tarUpload(images))).id))
  const searching = new Searching(client, images, Number(values.clients))
  await sleep(15_000)
  searching.begin('while it is embedded again')
  const built = await timed(async () => client.waitForJob((await build()).id))
  const sets = await dataOf(client.api.GET('/v1/galleries/{gallery}/sets', { params: { path: { gallery } } }))
  searching.begin('switched')
  const switched = await timed(() => serve(to!.manifest.id))
  await sleep(10_000)
  searching.begin('rolled back')
  const rolledBack = await timed(() => serve(from!.manifest.id))
  await sleep(10_000)
  await searching.stop()
  const gate = sets.sets.find(({ modelId }) => modelId === to!.manifest.id)?.gate
  const mixed = new Map<Phase, number>()
  for (const phase of searching.phases) mixed.set(phase, await mixedAmong(phase))
  report({ filled, built, switched, rolledBack, gate, phases: searching.phases, mixed })
} finally {
  await service.stop()
}

async function benchImages(): Promise<BenchImage[]> {
  if (values.data === undefined) return drawBenchImages(Number(values.count))
  const all = (await readSplitImages({ data: values.data })).filter(({ split }) => split !== 'test')
  const taken = all.slice(0, Number(values.count))
  return Promise.all(taken.map(async (image) => ({ label: image.label, bytes: Buffer.from(await bytesOf(image)) })))
}

async function timed<Result>(work: () => Promise<Result>): Promise<{ result: Result; seconds: number }> {
  const startedAt = performance.now()
  const result = await work()
  return { result, seconds: (performance.now() - startedAt) / 1_000 }
}

function build(): Promise<Job> {
  return dataOf(
    client.api.POST('/v1/galleries/{gallery}/sets', {
      params: { path: { gallery } },
      body: { model: to!.manifest.id },
    }),
  )
}

function serve(model: string): Promise<unknown> {
  return dataOf(
    client.api.PUT('/v1/galleries/{gallery}/serving', { params: { path: { gallery } }, body: { model, force: true } }),
  )
}

/** An answer was mixed if the same search, repeated at rest on the same set, does find the picture. */
async function mixedAmong({ name, suspects }: Phase): Promise<number> {
  let mixed = 0
  for (const { image, modelId, score, afterMs } of suspects) {
    await serve(modelId)
    const again = await scoreOf(image, false)
    if (again >= ownScoreMin) mixed++
    const scores = [score, again, await scoreOf(image, true)].map((value) => value.toFixed(4)).join(', ')
    console.log(`${name}, ${afterMs.toFixed(0)} ms after it began, ${modelId}: first score, again, exact: ${scores}`)
  }
  return mixed
}

async function scoreOf(image: BenchImage, exact: boolean): Promise<number> {
  const { hits } = await client.search(gallery, new Uint8Array(image.bytes), { k: 10, exact })
  return hits[0]?.score ?? 0
}

interface Told {
  filled: { result: Job; seconds: number }
  built: { result: Job; seconds: number }
  switched: { seconds: number }
  rolledBack: { seconds: number }
  gate: Gate | undefined
  phases: Phase[]
  mixed: Map<Phase, number>
}

type Gate = NonNullable<components['schemas']['EmbeddingSet']['gate']>

function report({ filled, built, switched, rolledBack, gate, phases, mixed }: Told): void {
  const pace = ({ result, seconds }: { result: Job; seconds: number }) =>
    `${result.state}, ${result.done} pictures in ${seconds.toFixed(1)} s (${(result.done / seconds).toFixed(1)}/s)`
  const nameOf = (id: string) => (id === from!.manifest.id ? values.from : values.to)
  console.log(`Filled with ${values.from}: ${pace(filled)}.`)
  console.log(`Embedded again with ${values.to} during searches by ${values.clients} clients: ${pace(built)}.`)
  console.log(`Switched in ${ms(switched)}, rolled back in ${ms(rolledBack)}.\n`)
  const rows = phases.map((phase) => [
    phase.name,
    String(phase.latenciesMs.length),
    String(phase.failed),
    String(phase.suspects.length),
    String(mixed.get(phase)),
    [...phase.byModel].map(([model, count]) => `${nameOf(model)} ${count}`).join(', '),
    ...[0.5, 0.95].map((part) => percentile(phase.latenciesMs, part).toFixed(0)),
  ])
  console.log(table(['', 'searches', 'failed', 'itself not found', 'mixed', 'answered by', 'p50, ms', 'p95, ms'], rows))
  if (gate !== undefined) console.log(`\n${gateTable(gate)}`)
  if (phases.some((phase) => phase.failed + (mixed.get(phase) ?? 0) > 0)) process.exitCode = 1
}

function ms({ seconds }: { seconds: number }): string {
  return `${Math.round(seconds * 1_000)} ms`
}

function gateTable({ passed, reasons, quality, overlapAt10, queries, candidates }: Gate): string {
  const three = (value: number) => value.toFixed(3)
  const rows = Object.entries(quality).map(([name, { serving, other, difference, interval }]) => [
    name,
    three(serving),
    three(other),
    `${three(difference)} (${interval.map(three).join(' – ')})`,
  ])
  return [
    `The gate ${passed ? 'passed' : `did not pass: ${reasons.join(' ')}`} ${queries} queries among ${candidates} pictures.`,
    table(
      ['', values.from, values.to, 'difference'],
      [...rows, ['overlap@10', '', overlapAt10?.toFixed(3) ?? '–', '']],
    ),
  ].join('\n\n')
}

/**
 * The network alone, in a separate process: time and GPU memory for opening a session with one batch size, its run
 * time, and the combined throughput of several threads. Prints one line of JSON.
 */
import { readModel } from '../src/embedding/model-manifest.js'
import { chooseRuntime } from '../src/embedding/provider.js'
import { type ProviderOptions, planRuntime } from '../src/embedding/runtime-plan.js'
import { Session } from '../src/embedding/session.js'
import { readGpus } from './machine-facts.js'

export interface NetworkRate {
  provider: string
  precision: string
  sizes: { batchSize: number; openMs: number; runMs: number; gpuMiB: number | undefined }[]
  /** Threads that continuously run full batches of one size. */
  threads: { batchSize: number; workers: number; perSecond: number }[]
}

const [folder, secondsText] = process.argv.slice(2) as [string, string]
const model = await readModel(folder)
const options: ProviderOptions = {
  model,
  provider: 'auto',
  requireCuda: false,
  workers: 1,
  maxBatch: 0,
  cuda: { batchSizes: [1] },
}
const {
  plan,
  sessions: [probe],
} = await chooseRuntime(options)
const onCuda = plan.provider === 'cuda'
const settings = planRuntime(plan.provider, options).sessions[0]!
const rate: NetworkRate = { provider: plan.provider, precision: plan.precision, sizes: [], threads: [] }

for (const batchSize of onCuda ? [1, 2, 4, 8, 16, 32, 64, 128] : [1, 4]) {
  const before = await readGpus()
  const startedAt = performance.now()
  const { session, info } = await Session.open({ ...settings, batchSizes: [batchSize] })
  const openMs = performance.now() - startedAt
  const after = await readGpus()
  rate.sizes.push({
    batchSize,
    openMs,
    runMs: info.runMs[0]!,
    gpuMiB: before && after && after.usedMiB - before.usedMiB,
  })
  await session.close()
}
for (const batchSize of onCuda ? [1, 16, 64] : [1]) {
  for (const workers of onCuda ? [1, 2, 3, 4] : [1, 2])
    rate.threads.push({ batchSize, workers, perSecond: await together(batchSize, workers) })
}
await probe!.close()
console.log(JSON.stringify(rate))

/** @returns pictures per second over all threads */
async function together(batchSize: number, workers: number): Promise<number> {
  const opened = await Promise.all(
    Array.from({ length: workers }, () => Session.open({ ...settings, batchSizes: [batchSize] })),
  )
  const images = Array.from({ length: batchSize }, () => new Uint8Array(settings.inputSize ** 2 * 3))
  const startedAt = performance.now()
  const endAt = startedAt + Number(secondsText) * 1000
  let done = 0
  await Promise.all(
    opened.map(async ({ session }) => {
      while (performance.now() < endAt) {
        await session.run(images, batchSize)
        done += batchSize
      }
    }),
  )
  const perSecond = (done / (performance.now() - startedAt)) * 1000
  await Promise.all(opened.map(({ session }) => session.close()))
  return perSecond
}

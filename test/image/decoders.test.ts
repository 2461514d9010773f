/** Pictures decoded in separate processes, with real signals: a crash there affects nothing else. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { AlikeError } from '../../src/errors.js'
import { openDecoderPool } from '../../src/image/decoder-pool.js'
import { Decoders, decodersWanted, openDecoders } from '../../src/image/decoders.js'
import { type PrepareOptions, prepareImage } from '../../src/image/prepare.js'
import { drawImage } from '../support/drawn-images.js'
import { drawScene } from '../support/drawn-scenes.js'
import { until } from '../support/until.js'

const preprocessing = {
  inputSize: 64,
  fit: 'cover' as const,
  resizeShortSide: 72,
  kernel: 'linear' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const options: PrepareOptions = { preprocessing, maxPixels: 1e8 }
const memoryMaxBytes = 256 * 2 ** 20

async function openPool(t: TestContext, { processes = 1, count = 2, kept = 0, budget = memoryMaxBytes } = {}) {
  const seen = { ends: 0 }
  const pool = await openDecoderPool({
    processes,
    imagesAtOnce: Math.ceil(count / processes),
    memoryMaxBytes: budget,
    environment: { ...process.env, API_KEYS: 'secret' },
    logger: { warn() {} },
    onProcessEnd: () => {
      seen.ends++
    },
  })
  t.after(() => pool.close())
  return { pool, seen, decoders: new Decoders(pool, { count, kept, memoryMaxBytes: budget }) }
}

/** Takes hundreds of milliseconds to decode, with little memory. */
function slowImage(): Promise<Buffer> {
  return sharp({ create: { width: 7_000, height: 5_000, channels: 3, background: '#456' } })
    .jpeg()
    .toBuffer()
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof AlikeError ? error.code : String(error)),
  )

test('processes return the same pixels, thumbnails, descriptors and refusals as the service itself', async (t) => {
  const { decoders } = await openPool(t)
  const scene = sharp(await drawScene(1))
  const everything: PrepareOptions = { ...options, views: 4, copies: true, thumbnail: { maxSide: 48 } }
  for (const format of ['jpeg', 'png', 'webp', 'gif', 'avif'] as const) {
    const bytes = await scene.clone().resize(300, 200, { fit: 'fill' }).toFormat(format).toBuffer()
    for (const wanted of [
      options,
      everything,
      { ...options, region: { x: 0.25, y: 0, width: 0.5, height: 1, unit: 'relative' as const } },
    ]) {
      const [there, here] = await Promise.all([decoders.prepare(bytes, wanted), prepareImage(bytes, wanted)])
      assert.deepEqual(
        [there.width, there.height, there.format, there.views.length],
        [here.width, here.height, here.format, here.views.length],
      )
      const parts = (made: typeof here) =>
        [made.pixels, ...made.views, made.describe?.(), made.thumbnail].map(
          (part) => part && Buffer.from(part).toString('base64'),
        )
      assert.deepEqual(parts(there), parts(here), format)
    }
  }
  const { thumbnail, describe } = await prepareImage(await scene.jpeg().toBuffer(), everything)
  const described = await decoders.describeThumbnail(thumbnail!, new AbortController().signal)
  assert.equal(described.length, describe!().length)

  const image = await drawImage('circle', 1)
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('no picture'),
    Buffer.from('%PDF-1.7'),
    image.subarray(0, image.length / 2),
  ]) {
    const message = (work: Promise<unknown>) =>
      work.then(
        () => 'no error',
        (error: AlikeError) => `${error.code}: ${error.message}`,
      )
    assert.equal(await message(decoders.prepare(bytes, options)), await message(prepareImage(bytes, options)))
  }
  assert.equal(await codeOf(decoders.prepare(image, { ...options, maxPixels: 100 })), 'image_too_many_pixels')
})

test('a picture that needs more memory than first reserved is retried, and refused beyond the budget', async (t) => {
  const { decoders } = await openPool(t, { budget: 64 * 2 ** 20 })
  const webp = (side: number) =>
    sharp({ create: { width: side, height: side, channels: 3, background: '#789' } })
      .webp({ effort: 0 })
      .toBuffer()
  assert.equal((await decoders.prepare(await webp(2_000), options)).width, 2_000)
  assert.equal(await codeOf(decoders.prepare(await webp(4_000), options)), 'image_too_much_memory')
  assert.equal(decoders.bytesInUse, 0)
})

test('a picture whose process ends is retried once: only if it ends the next one too does it fail', async (t) => {
  const { pool, seen, decoders } = await openPool(t)
  const image = await drawImage('circle', 1)
  const [first] = pool.pids
  process.kill(first!, 'SIGKILL')
  assert.equal((await decoders.prepare(image, options)).width, 96, 'it was idle')
  assert.equal(seen.ends, 1)
  assert.notEqual(pool.pids[0], first)

  const lost = codeOf(decoders.prepare(await slowImage(), options))
  await until(() => decoders.bytesInUse > 0)
  process.kill(pool.pids[0]!, 'SIGKILL')
  await until(() => pool.processes === 0)
  await until(() => pool.processes === 1)
  process.kill(pool.pids[0]!, 'SIGKILL')
  assert.equal(await lost, 'image_ended_decoder')
  assert.equal((await decoders.prepare(image, options)).width, 96)
  assert.equal(seen.ends, 3)
  assert.equal(decoders.bytesInUse, 0)
})

test('pictures that were in one process together are each retried once, alone: only the one that crashes it again fails', async (t) => {
  const { pool, decoders } = await openPool(t)
  const [first] = pool.pids
  const slow = await slowImage()
  const both = [codeOf(decoders.prepare(slow, options)), codeOf(decoders.prepare(slow, options))]
  await until(() => decoders.bytesInUse > 0)
  process.kill(first!, 'SIGKILL')
  await until(() => pool.processes === 0)
  await until(() => pool.processes === 1)
  process.kill(pool.pids[0]!, 'SIGKILL')
  assert.deepEqual(await Promise.all(both), ['image_ended_decoder', 'no error'])
})

test('pictures that are decoded as a whole, two at once and one right after the other, do not end their process', async (t) => {
  const { decoders, seen } = await openPool(t)
  const bytes = readFileSync('test/image/formats/srgb.heic')
  const made = await Promise.all(Array.from({ length: 6 }, () => decoders.prepare(bytes, options)))
  assert.deepEqual([seen.ends, new Set(made.map(({ format }) => format))], [0, new Set(['heic'])])
})

test('while processes exit right after starting, pictures are refused at once; afterwards they are decoded again', async (t) => {
  const { pool, decoders } = await openPool(t)
  const image = await drawImage('circle', 1)
  let killing = true
  const killer = (async () => {
    while (killing) {
      for (const pid of pool.pids) process.kill(pid, 'SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  await until(() => pool.processes === 0)
  let code = ''
  while (code !== 'overloaded') code = await codeOf(decoders.prepare(image, options))
  killing = false
  await killer
  await until(() => pool.processes === 1)
  assert.equal((await decoders.prepare(image, options)).width, 96)
})

test('searches overtake bulk pictures, and aborted requests do not wait', async (t) => {
  const { decoders } = await openPool(t, { count: 1 })
  const image = await drawImage('circle', 1)
  const order: string[] = []
  const left = new AbortController()
  const first = decoders.prepare(await slowImage(), options)
  const bulk = decoders.prepare(image, options, 'bulk').then(() => order.push('bulk'))
  const gone = codeOf(decoders.prepare(image, { ...options, signal: left.signal }))
  const search = decoders.prepare(image, options).then(() => order.push('search'))
  assert.equal(decoders.depth, 3)
  left.abort(new AlikeError('shutting_down'))
  assert.equal(await gone, 'shutting_down')
  await Promise.all([first, bulk, search])
  assert.deepEqual(order, ['search', 'bulk'])
})

test('searches have the first process, which bulk leaves to them', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const { pool, decoders } = await openPool(t, { processes: 4, count: 8, kept: 2 })
  await until(() => pool.processes === 4)
  const image = await drawImage('circle', 1)
  await decoders.prepare(image, options)
  const others = pool.pids.slice(1)
  for (const pid of others) process.kill(pid, 'SIGSTOP')
  const bulk = Array.from({ length: 12 }, () => decoders.prepare(image, options, 'bulk'))
  for (let i = 0; i < 5; i++) assert.equal((await decoders.prepare(image, options)).width, 96)
  assert.equal(decoders.depth, 6, 'the others have two each, and six wait')
  for (const pid of others) process.kill(pid, 'SIGCONT')
  await Promise.all(bulk)
})

test('the other processes yield to the service', { skip: process.platform !== 'linux' }, async (t) => {
  const { pool } = await openPool(t, { processes: 3, count: 3 })
  await until(() => pool.processes === 3)
  const own = getPriority()
  assert.deepEqual(
    pool.pids.map((pid) => getPriority(pid)),
    [own, Math.min(19, own + 10), Math.min(19, own + 10)],
  )
})

test('a process has no secrets, bounded memory, and is killed first when memory runs out', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const { pool } = await openPool(t)
  const of = (file: string) => readFileSync(`/proc/${pool.pids[0]}/${file}`, 'utf8')
  assert.doesNotMatch(of('environ'), /secret/)
  assert.equal(of('oom_score_adj').trim(), '1000')
  assert.match(of('limits'), new RegExp(`Max data size +${2 ** 30 + memoryMaxBytes} `))
  const uid = Number(/^Uid:\s+(\d+)/m.exec(of('status'))![1])
  assert.ok(process.getuid!() === 0 ? uid === 65_534 || uid === 0 : uid === process.getuid!())
})

test('no process outlives a service that is killed', async (t) => {
  const program = `
    import { openDecoderPool } from ${JSON.stringify(new URL('../../src/image/decoder-pool.js', import.meta.url).href)}
    const pool = await openDecoderPool({ processes: 2, imagesAtOnce: 1, memoryMaxBytes: 2 ** 28, logger: { warn() {} } })
    while (pool.processes < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    console.log(pool.pids.join(' '))`
  const service = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => service.kill('SIGKILL'))
  const [line] = (await once(createInterface(service.stdout), 'line')) as [string]
  const pids = line.split(' ').map(Number)
  assert.equal(pids.length, 2)
  service.kill('SIGKILL')
  await until(() => pids.every((pid) => !isAlive(pid)))
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')) // the parent may be gone, so the zombie is not reaped
  } catch {
    return false
  }
}

test('closing ends every process, and a picture in progress fails', async (t) => {
  const { pool, decoders } = await openPool(t, { processes: 2 })
  const pids = pool.pids
  const lost = codeOf(decoders.prepare(await slowImage(), options))
  await until(() => decoders.bytesInUse > 0)
  await decoders.close()
  assert.equal(await lost, 'shutting_down')
  assert.deepEqual(pids.filter(isAlive), [])
  assert.equal(await codeOf(decoders.prepare(await drawImage('circle', 1), options)), 'shutting_down')
})

test('closing while a process is starting fails the pictures waiting for it', async (t) => {
  const { pool, decoders } = await openPool(t)
  const slow = await slowImage()
  const both = [codeOf(decoders.prepare(slow, options)), codeOf(decoders.prepare(slow, options))]
  await until(() => decoders.bytesInUse > 0)
  process.kill(pool.pids[0]!, 'SIGKILL')
  await until(() => pool.processes === 0)
  await decoders.close()
  assert.deepEqual(await Promise.all(both), ['shutting_down', 'shutting_down'])
})

test('processes are used with more than four cores, or as many as configured', async () => {
  const auto = { decoderProcesses: 'auto', decodeConcurrency: 0 }
  assert.deepEqual(decodersWanted(auto, 2), { processes: 0, count: 2, kept: 0 })
  assert.deepEqual(decodersWanted(auto, 4), { processes: 0, count: 4, kept: 1 })
  assert.deepEqual(decodersWanted(auto, 16), { processes: 16, count: 32, kept: 2 })
  assert.deepEqual(decodersWanted({ ...auto, decodeConcurrency: 6 }, 16), { processes: 6, count: 6, kept: 1 })
  assert.deepEqual(decodersWanted({ ...auto, decoderProcesses: '2' }, 16), { processes: 2, count: 4, kept: 0 })
  assert.deepEqual(decodersWanted({ ...auto, decoderProcesses: '0' }, 16), { processes: 0, count: 16, kept: 1 })
  const here = await openDecoders({ processes: 0, count: 1, memoryMaxBytes, logger: { warn() {} } })
  assert.deepEqual([here.processes, (await here.prepare(await drawImage('circle', 1), options)).width], [0, 96])
})

test('decoders of this process are idle once the last picture has been decoded', async () => {
  const decoders = await openDecoders({
    processes: 0,
    count: 2,
    memoryMaxBytes,
    environment: {},
    logger: { warn() {} },
  })
  const bytes = await slowImage()
  const ended: string[] = []
  await Promise.all([
    decoders.prepare(bytes, options).then(() => ended.push('picture')),
    decoders.idle().then(() => ended.push('idle')),
  ])
  assert.deepEqual(ended, ['picture', 'idle'])
})

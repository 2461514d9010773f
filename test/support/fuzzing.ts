/** Sends damaged pictures, bodies and raw requests to a started service, and reports its responses. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import pMap from 'p-map'
import { Agent, request } from 'undici'
import { seededRandom } from '../../src/eval/random.js'
import { publicCodes } from '../../src/http/status.js'
import { type FuzzBody, fuzzBodies, fuzzImages, fuzzShapes, imageRequest } from './fuzz-inputs.js'
import { mutated } from './mutations.js'
import { RawConnection } from './raw-connection.js'

export interface FuzzOptions {
  address: string
  /** Damaged pictures, damaged bodies, JSON of hostile shapes, and damaged HTTP on a raw socket. */
  images: number
  bodies: number
  shapes?: number | undefined
  raw: number
  seed: number
  /** Run only this case, as named by a fault. */
  only?: number
  /** After each tenth of the cases. */
  onTenth?: () => Promise<void>
}

export interface FuzzReport {
  /** status → responses; 0 is a raw request whose connection was closed without one. */
  statuses: Record<number, number>
  /** Responses that no caller should get, with instructions to reproduce them. */
  faults: string[]
}

/** The service's default maximum. */
const answerMaxBytes = 16 * 2 ** 20
/** A service that has not responded by then hangs. */
const answerWithinMs = 120_000
/** Damaged HTTP is often an incomplete request: the service would wait for the rest. */
const rawPatienceMs = 500

type Case = { name: string; send(): Promise<number> }

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { address, seed } = options
  const dispatcher = new Agent({ connections: 8, headersTimeout: answerWithinMs, bodyTimeout: answerWithinMs })
  const report: FuzzReport = { statuses: {}, faults: [] }
  const cases = await casesOf(options, dispatcher)
  let done = 0
  try {
    await pMap(
      cases,
      async ({ name, send }) => {
        try {
          const status = await send()
          report.statuses[status] = (report.statuses[status] ?? 0) + 1
        } catch (error) {
          report.faults.push(
            `${name}, seed ${seed}, ${address}: ${error instanceof Error ? error.message : String(error)}`,
          )
        }
        done += 1
        if (done % Math.ceil(cases.length / 10) === 0) await options.onTenth?.()
      },
      { concurrency: 8 },
    )
  } finally {
    await dispatcher.close()
  }
  return report
}

async function casesOf(
  { address, seed, images, bodies, shapes = 0, raw, only }: FuzzOptions,
  dispatcher: Agent,
): Promise<Case[]> {
  const goodImages = Object.entries(await fuzzImages())
  const goodBodies = await fuzzBodies()
  const one = <Item>(items: Item[], random: () => number): Item => items[Math.floor(random() * items.length)]!
  const cases: Case[] = []
  const add = (number: number, make: (random: () => number) => { name: string; send: () => Promise<number> }) => {
    // seeded individually, so that one case can be repeated without the ones before it
    if (only !== undefined && only !== number) return
    const { name, send } = make(seededRandom(seed * 1_000_003 + number))
    cases.push({ name: `case ${number}, ${name}`, send })
  }
  for (let number = 0; number < images; number++) {
    add(number, (random) => {
      const [name, bytes] = one(goodImages, random)
      const [, other] = one(goodImages, random)
      const body = imageRequest(mutated(bytes, random, other), number)
      return { name: `${name} to ${body.method} ${body.path}`, send: () => ask(address, body, dispatcher) }
    })
  }
  for (let number = images; number < images + bodies; number++) {
    add(number, (random) => {
      const good = goodBodies[number % goodBodies.length]!
      const bytes = mutated(good.bytes, random, one(goodBodies, random).bytes)
      const type =
        random() < 0.9
          ? good.type
          : mutated(Buffer.from(good.type), random)
              .toString('latin1')
              .replace(/[^\x20-\x7e]/g, '?')
      return { name: good.name, send: () => ask(address, { ...good, type, bytes }, dispatcher) }
    })
  }
  for (let number = images + bodies; number < images + bodies + shapes; number++) {
    add(number, (random) => {
      const body = fuzzShapes(random)
      return {
        name: `${body.bytes.subarray(0, 60).toString()} to ${body.method} ${body.path}`,
        send: () => ask(address, body, dispatcher),
      }
    })
  }
  for (let number = images + bodies + shapes; number < images + bodies + shapes + raw; number++) {
    add(number, (random) => {
      const good = one(goodBodies, random)
      return { name: `raw ${good.name}`, send: () => askRaw(address, mutated(rawRequest(good), random)) }
    })
  }
  return cases
}

/** @throws Error for a response that no caller should get */
async function ask(
  address: string,
  { method, path, type, bytes }: Omit<FuzzBody, 'name'>,
  dispatcher: Agent,
): Promise<number> {
  const { statusCode, headers, body } = await request(`${address}${path}`, {
    method,
    headers: { 'content-type': type },
    body: bytes,
    dispatcher,
  })
  const text = await body.text()
  assert.ok(text.length <= answerMaxBytes, `answered with ${text.length} bytes`)
  expectAnswer(statusCode, String(headers['content-type']), text)
  return statusCode
}

function expectAnswer(status: number, type: string, text: string): void {
  if (status < 400) return
  assert.ok(status < 500 || status === 503 || status === 507, `answered ${status}: ${text}`)
  assert.match(type, /^application\/problem\+json/, `answered ${status} with ${type}`)
  const { code } = JSON.parse(text) as { code: string }
  assert.ok((publicCodes as string[]).includes(code), `answered ${status} with code ${code}`)
}

function rawRequest({ method, path, type, bytes }: FuzzBody): Buffer {
  return Buffer.concat([
    Buffer.from(
      `${method} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${bytes.length}\r\nconnection: close\r\n\r\n`,
    ),
    bytes,
  ])
}

/** Writes, waits a little, and half-closes the connection. */
async function askRaw(address: string, bytes: Buffer): Promise<number> {
  const connection = new RawConnection(address)
  connection.write(bytes)
  await Promise.race([connection.closed, sleep(rawPatienceMs)])
  connection.socket.end()
  const late = sleep(answerWithinMs, 'late' as const, { ref: false })
  const answer = await Promise.race([connection.closed, late])
  assert.notEqual(answer, 'late', 'its connection was never closed')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)
  assert.ok(status < 500 || status === 503 || status === 507, `answered ${answer.slice(0, 300)}`)
  return status
}

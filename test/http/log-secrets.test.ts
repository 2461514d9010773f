/** Whatever is requested, and however it fails: no key, picture, vector or body reaches the log, at any level. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { makeKey } from '../../src/access/api-keys.js'
import { startApp, type TestApp } from '../support/app.js'
import { tarOf, zipOf } from '../support/archives.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { rawConnection } from '../support/raw-connection.js'

const keys = { admin: makeKey('owner', 'admin'), read: makeKey('reader', 'read'), unknown: makeKey('nobody', 'admin') }
const apiKeys = [keys.admin.line, keys.read.line].join(',')
const gallery = '/v1/galleries/g'
const secretLabel = 'secret-label-of-a-body'
const secretMetadata = { note: 'secret-metadata-of-a-body' }

/** Bytes in the forms a log could show, long enough to rule out coincidence. */
function tracesOf(bytes: Uint8Array): string[] {
  const traces: string[] = []
  for (const share of [0, 0.3, 0.6]) {
    const from = Math.floor((bytes.length * share) / 3) * 3 // where base64 begins anew
    const piece = Buffer.from(bytes.subarray(from, from + 24))
    traces.push(piece.toString('base64'), piece.toString('base64url'), piece.toString('hex'), [...piece].join(','))
  }
  return traces
}

/** A number as JSON, as text, and truncated to six digits. */
const digitsOf = (vector: readonly number[]): string[] =>
  vector.filter((value) => Math.abs(value) > 1e-3).map((value) => String(Math.abs(value)).slice(0, 8))

test('no key, picture, vector or body is in the log', async (t) => {
  const app = await startApp(t, { apiKeys, logLevel: 'trace', requestsMax: 16, imageMaxPixels: 1_000_000 })
  const address = await app.listen()
  const ask = asker(address)
  const pictures = await Promise.all(
    Array.from({ length: 12 }, (_, n) => drawImage(drawnLabels[n % 4]!, n + 1, { width: 40, height: 40 })),
  )
  const black = await sharp({ create: { width: 9, height: 9, channels: 3, background: '#000' } })
    .png()
    .toBuffer()
  const noise = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 7919 + 13) % 256))
  const statuses = new Map<number, number>()
  const note = (status: number) => statuses.set(status, (statuses.get(status) ?? 0) + 1)

  note(await ask('PUT', gallery, { json: { settings: secretMetadata } }))
  const vectors: number[][] = []
  for (const [n, picture] of pictures.entries()) {
    const image = picture.toString('base64')
    note(await ask('PUT', `${gallery}/images/${n}`, { json: { image, label: secretLabel, metadata: secretMetadata } }))
    const answer = await ask.answer('POST', '/v1/embeddings', { json: { image } })
    vectors.push((answer as { vector: number[] }).vector)
  }
  for (const [n, bytes] of [
    ...pictures,
    black,
    noise,
    Buffer.concat([Buffer.from('BM'), noise]),
    Buffer.concat([Buffer.from('%PDF-1.7 '), noise]),
    Buffer.alloc(0),
    pictures[0]!.subarray(0, 300),
  ].entries()) {
    const image = bytes.toString('base64')
    const vector = vectors[n % vectors.length]!
    const file = { name: 'image', filename: 'a.jpg', content: bytes }
    const archive =
      n % 2 === 0
        ? zipOf([{ path: 'x/y.jpg', content: bytes }])
        : (await tarOf([{ path: 'x/y.jpg', content: bytes }])).subarray(0, 700)
    const requests: Parameters<typeof ask>[] = [
      ['POST', `${gallery}/search`, { bytes, type: 'image/jpeg' }],
      ['POST', `${gallery}/search`, { json: { image, k: 0, filter: secretMetadata } }],
      ['POST', `${gallery}/search`, { json: { vector } }],
      ['POST', `${gallery}/search`, { json: { vector: vector.map((value) => value * 2) } }],
      ['POST', `${gallery}/search`, { json: { vector: [vector.join()], label: secretLabel } }],
      ['POST', `${gallery}/search`, { bytes: Buffer.from(`{"image":"${image}",`), type: 'application/json' }],
      ['POST', `${gallery}/search?vector=${vector.join()}`, {}],
      ['POST', `${gallery}/search?image=${encodeURIComponent(image.slice(0, 2000))}`, {}],
      [
        'POST',
        `${gallery}/search?filter=${encodeURIComponent(JSON.stringify(secretMetadata))}`,
        { bytes, type: 'image/jpeg' },
      ],
      [
        'POST',
        `${gallery}/search`,
        {
          bytes: formBody([file, { name: 'metadata', content: JSON.stringify(secretMetadata) }]),
          type: formHeaders['content-type'],
        },
      ],
      ['POST', '/v1/compare', { json: { images: [image, image] } }],
      [
        'PUT',
        `${gallery}/images/form-${n}`,
        { bytes: formBody([file, { name: 'label', content: secretLabel }]), type: formHeaders['content-type'] },
      ],
      [
        'PUT',
        `${gallery}/images/form-${n}`,
        { bytes: formBody([file]).subarray(0, -40), type: formHeaders['content-type'] },
      ],
      [
        'PATCH',
        `${gallery}/images/1`,
        { json: { label: `${secretLabel}${'x'.repeat(n * 20)}`, metadata: secretMetadata } },
      ],
      ['POST', `${gallery}/ingest`, { bytes: archive, type: 'application/zip' }],
      [
        'POST',
        `${gallery}/ingest`,
        { bytes: formBody([{ name: 'label', content: secretLabel }, file]), type: formHeaders['content-type'] },
      ],
      ['GET', `/v1/galleries?key=${keys.admin.key}`, {}],
      ['GET', '/v1/galleries', { key: keys.unknown.key }],
      ['DELETE', gallery, { key: keys.read.key }],
    ]
    for (const request of requests) note(await ask(...request))
  }
  for (const broken of [
    `GET /v1/galleries HTTP/9.9\r\nauthorization: Bearer ${keys.admin.key}\r\n\r\n`,
    `nonsense ${keys.admin.key} `.repeat(9),
    `GET / HTTP/1.1\r\nx-api-key: ${keys.admin.key}\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
  ]) {
    const connection = rawConnection(t, address)
    connection.write(broken)
    note(Number(/^HTTP\/1.1 (\d+)/.exec(await connection.closed)?.[1]))
  }
  await app.close()

  for (const status of [200, 201, 202, 400, 401, 403, 415, 422, 431, 500])
    assert.ok(statuses.has(status), `some answer is ${status}: ${JSON.stringify([...statuses])}`)
  assert.ok(app.log.length > 300)
  expectNoTrace(app, {
    'a key': Object.values(keys).flatMap(({ key, line }) => [key, line.split(':')[2]!, ...tracesOf(Buffer.from(key))]),
    'a picture': [...pictures, black, noise].flatMap(tracesOf),
    'a vector': vectors.flatMap(digitsOf),
    'a body': [secretLabel, secretMetadata.note, Buffer.from(secretMetadata.note).toString('base64')],
  })
})

function expectNoTrace({ log }: TestApp, traces: Record<string, string[]>): void {
  for (const line of log) {
    const text = JSON.stringify(line)
    for (const [name, candidates] of Object.entries(traces)) {
      const found = candidates.find((trace) => text.includes(trace))
      assert.equal(found, undefined, `${name} is in the log: ${text.slice(0, 2000)}`)
    }
  }
}

interface Sent {
  json?: unknown
  bytes?: Buffer
  type?: string
  key?: string
}

function asker(address: string) {
  const send = (method: string, path: string, { json, bytes, type, key = keys.admin.key }: Sent) => {
    const body = json === undefined ? bytes && new Uint8Array(bytes) : JSON.stringify(json)
    const contentType = json === undefined ? type : 'application/json'
    return fetch(`${address}${path}`, {
      method,
      ...(body !== undefined && { body }),
      headers: { authorization: `Bearer ${key}`, ...(contentType !== undefined && { 'content-type': contentType }) },
    })
  }
  const ask = async (method: string, path: string, sent: Sent = {}): Promise<number> => {
    const response = await send(method, path, sent)
    await response.arrayBuffer()
    return response.status
  }
  return Object.assign(ask, {
    answer: async (method: string, path: string, sent: Sent) => (await send(method, path, sent)).json(),
  })
}

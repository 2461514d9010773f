/** The part of S3's protocol that originals and uploads use, over a map in memory: for tests without a real store. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

export interface BucketServer {
  endpoint: string
  /** Keyed by `bucket/key`. */
  objects: ReadonlyMap<string, { bytes: Buffer; putAt: Date }>
  /** How many have been opened. */
  readonly connections: number
}

export interface BucketServerOptions {
  /** Close the connection of an upload that is refused, as a store may before it has read everything. */
  hangsUp?: boolean
  /** Refuse every other object or part that is sent, beginning with the first one. */
  isBusy?: boolean
  /** How many answers with an object's bytes are broken off in the middle, from the first one on. */
  breaksOff?: number
  /** Send the first half of an object's bytes, and then nothing more. */
  fallsSilent?: boolean
  /** How long the store works before it answers. */
  worksMs?: (request: IncomingMessage) => number
  /** The error code of a request that is refused with status 403. */
  refuses?: (request: IncomingMessage) => string | undefined
}

export async function bucketServer(
  t: TestContext,
  {
    hangsUp = false,
    isBusy = false,
    breaksOff = 0,
    fallsSilent = false,
    worksMs = () => 0,
    refuses,
  }: BucketServerOptions = {},
): Promise<BucketServer> {
  const objects = new Map<string, { bytes: Buffer; putAt: Date }>()
  const parts = new Map<string, Buffer[]>()
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })

  let connections = 0
  let broken = 0
  let sent = 0
  server.on('connection', () => void connections++)

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = refuses?.(request)
    if (refusal !== undefined) {
      request.resume()
      return xml(response, `<Error><Code>${refusal}</Code></Error>`, 403)
    }
    await sleep(worksMs(request))
    const { pathname, searchParams } = new URL(request.url!, 'http://bucket')
    const key = decodeURIComponent(pathname.slice(1))
    const upload = searchParams.get('uploadId')
    if (searchParams.get('list-type') === '2')
      return xml(
        response,
        listOf(key.replace(/\/$/, ''), searchParams.get('prefix') ?? '', searchParams.has('delimiter')),
      )
    if (request.method === 'POST' && searchParams.has('uploads')) {
      const id = randomUUID()
      parts.set(id, [])
      return xml(response, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
    }
    const isRefused = request.headers['if-none-match'] === '*' && objects.has(key)
    if (isRefused && hangsUp) return void request.socket.destroy()
    if (isRefused) {
      request.resume()
      return xml(response, '<Error><Code>PreconditionFailed</Code></Error>', 412)
    }
    if (request.method === 'POST') {
      objects.set(key, { bytes: Buffer.concat(parts.get(upload!)!), putAt: new Date() })
      return xml(response, '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>')
    }
    if (request.method === 'PUT') {
      const bytes = plain(request, await buffer(request))
      if (isBusy && sent++ % 2 === 0) return xml(response, '<Error><Code>SlowDown</Code></Error>', 503)
      if (upload === null) objects.set(key, { bytes, putAt: new Date() })
      else parts.get(upload)![Number(searchParams.get('partNumber')) - 1] = bytes
      return void response.writeHead(200, { etag: '"one"' }).end()
    }
    if (request.method === 'DELETE') {
      if (upload === null) objects.delete(key)
      else parts.delete(upload)
      return void response.writeHead(204).end()
    }
    const found = objects.get(key)
    if (found === undefined) return xml(response, '<Error><Code>NoSuchKey</Code></Error>', 404)
    response.writeHead(200, { 'content-length': found.bytes.length, 'last-modified': found.putAt.toUTCString() })
    if (request.method === 'HEAD') return void response.end()
    if (fallsSilent) return void response.write(found.bytes.subarray(0, found.bytes.length / 2))
    if (broken++ >= breaksOff) return void response.end(found.bytes)
    response.write(found.bytes.subarray(0, found.bytes.length / 2), () => request.socket.destroy())
  }

  /** @param ofFolders what lies in folders directly below the prefix is listed as those */
  function listOf(bucket: string, prefix: string, ofFolders: boolean): string {
    const place = `${bucket}/${prefix}`
    const folderOf = (key: string) => /^[^/]*\//.exec(ofFolders ? key.slice(place.length) : '')?.[0]
    const fitting = [...objects].filter(([key]) => key.startsWith(place))
    const folders = new Set(fitting.flatMap(([key]) => folderOf(key) ?? []))
    const listed = fitting.filter(([key]) => folderOf(key) === undefined)
    const lines = Array.from(
      folders,
      (folder) => `<CommonPrefixes><Prefix>${prefix}${folder}</Prefix></CommonPrefixes>`,
    ).concat(
      listed.map(
        ([key, { bytes, putAt }]) =>
          `<Contents><Key>${key.slice(bucket.length + 1)}</Key><Size>${bytes.length}</Size><LastModified>${putAt.toISOString()}</LastModified></Contents>`,
      ),
    )
    // an empty token on the last page, as some stores send it
    return `<ListBucketResult><IsTruncated>false</IsTruncated><NextContinuationToken/>${lines.join('')}</ListBucketResult>`
  }

  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    get connections() {
      return connections
    },
  }
}

function xml(response: ServerResponse, body: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(body)
}

/** Streams are sent as `aws-chunked`: each chunk after its length in hex, checksums after the last. */
function plain({ headers }: IncomingMessage, body: Buffer): Buffer {
  if (!String(headers['content-encoding']).includes('aws-chunked')) return body
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at)
    const length = Number.parseInt(body.toString('latin1', at, end), 16)
    if (length === 0) return Buffer.concat(chunks)
    chunks.push(body.subarray(end + 2, end + 2 + length))
    at = end + 2 + length + 2
  }
}

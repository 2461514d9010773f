/**
 * A real S3 server for tests: the one named by `ALIKE_S3_ENDPOINT`, or our own versitygw, named by `S3_SERVER` or found
 * on the path. Without either, tests that need one are skipped and say so.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { freePorts } from './free-ports.js'
import { folderOfProcess } from './temporary-folder.js'
import { startTied, type TiedProcess } from './tied-process.js'
import { until } from './until.js'

const {
  ALIKE_S3_ENDPOINT: named,
  ALIKE_S3_KEY: accessKeyId = 'alike',
  ALIKE_S3_SECRET: secretAccessKey = 'alikealike',
} = process.env

/** Path of versitygw; undefined if it is not installed. */
const s3Binary: string | undefined =
  process.env.S3_SERVER ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'versitygw'))
    .find((path) => existsSync(path))

/** For the `skip` option of a test. */
export const skipWithoutS3: string | false =
  named === undefined && s3Binary === undefined
    ? 'no S3 server: ALIKE_S3_ENDPOINT and S3_SERVER name none, and no versitygw is on the path (CONTRIBUTING.md says how to get one)'
    : false

/** For a test that needs a server of its own. */
export const skipWithoutS3Binary: string | false =
  s3Binary === undefined ? 'no S3 server: S3_SERVER names none, and no versitygw is on the path' : false

export interface S3Connection {
  endpoint: string
  region: string
  forcePathStyle: true
  credentials: { accessKeyId: string; secretAccessKey: string }
}

let running: Promise<string> | undefined

/** One server per process, stopped with it. */
export async function s3Connection(): Promise<S3Connection> {
  running ??= named === undefined ? startS3().then(({ endpoint }) => endpoint) : Promise.resolve(named)
  return connectionTo(await running)
}

function connectionTo(endpoint: string): S3Connection {
  return {
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  }
}

/** A separate bucket for each caller. @param own the caller's server; default: the one of this process @returns its name */
export async function newBucket(prefix: string, own?: Pick<RunningS3, 'endpoint'>): Promise<string> {
  const bucket = `${prefix}-${randomBytes(6).toString('hex')}`
  const client = new S3Client(own === undefined ? await s3Connection() : connectionTo(own.endpoint))
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  return bucket
}

/** Keys below a prefix, at most a thousand. */
export async function keysIn(
  { endpoint }: Pick<RunningS3, 'endpoint'>,
  bucket: string,
  prefix: string,
): Promise<string[]> {
  const client = new S3Client(connectionTo(endpoint))
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }))
  client.destroy()
  return Contents.map(({ Key = '' }) => Key)
}

export interface RunningS3 {
  endpoint: string
  kill(): Promise<void>
  /** With the same data, on the same port. */
  start(): Promise<void>
}

/** A separate server, stopped with this process; needs the binary. */
export async function startS3(): Promise<RunningS3> {
  const [port] = await freePorts(1)
  const folder = await folderOfProcess('alike-s3-')
  const endpoint = `http://127.0.0.1:${port}`
  let server: TiedProcess
  const start = async () => {
    server = await startTied([s3Binary!, '--port', `127.0.0.1:${port}`, 'posix', folder], {
      env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    })
    await until(() => {
      if (server.code !== undefined) throw new Error(`the S3 server ended with ${server.code}`)
      return fetch(endpoint).then(
        () => true,
        () => false,
      )
    }, 'an answer of the S3 server')
  }
  await start()
  return { endpoint, start, kill: () => server.kill() }
}

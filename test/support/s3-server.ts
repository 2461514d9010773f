/**
 * A real S3 server for tests: the one named by `ALIKE_S3_ENDPOINT`, or our own versitygw, named by `S3_SERVER` or found
 * on the path. Without either, tests that need one are skipped and say so.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { freePorts } from './free-ports.js'
import { folderOfProcess } from './temporary-folder.js'
import { startTied } from './tied-process.js'
import { until } from './until.js'

const {
  ALIKE_S3_ENDPOINT: named,
  ALIKE_S3_KEY: accessKeyId = 'alike',
  ALIKE_S3_SECRET: secretAccessKey = 'alikealike',
} = process.env

/** Path of versitygw; undefined if it is not installed. */
const binary: string | undefined =
  process.env.S3_SERVER ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'versitygw'))
    .find((path) => existsSync(path))

/** For the `skip` option of a test. */
export const skipWithoutS3: string | false =
  named === undefined && binary === undefined
    ? 'no S3 server: ALIKE_S3_ENDPOINT and S3_SERVER name none, and no versitygw is on the path (CONTRIBUTING.md says how to get one)'
    : false

export interface S3Connection {
  endpoint: string
  region: string
  forcePathStyle: true
  credentials: { accessKeyId: string; secretAccessKey: string }
}

let running: Promise<string> | undefined

/** One server per process, stopped with it. */
export async function s3Connection(): Promise<S3Connection> {
  running ??= named === undefined ? startServer() : Promise.resolve(named)
  return {
    endpoint: await running,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  }
}

/** A separate bucket for each caller. @returns its name */
export async function newBucket(prefix: string): Promise<string> {
  const bucket = `${prefix}-${randomBytes(6).toString('hex')}`
  const client = new S3Client(await s3Connection())
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  return bucket
}

async function startServer(): Promise<string> {
  const [port] = await freePorts(1)
  const folder = await folderOfProcess('alike-s3-')
  const server = await startTied([binary!, '--port', `127.0.0.1:${port}`, 'posix', folder], {
    env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
  })
  const endpoint = `http://127.0.0.1:${port}`
  await until(() => {
    if (server.code !== undefined) throw new Error(`the S3 server ended with ${server.code}`)
    return fetch(endpoint).then(
      () => true,
      () => false,
    )
  }, 'an answer of the S3 server')
  return endpoint
}

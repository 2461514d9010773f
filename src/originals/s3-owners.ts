/**
 * Which installations use a bucket: each leaves a marker below the prefix before it stores anything there, and deletes what it
 * does not know only while no other has one. Imports the S3 client, see `s3-originals.ts`.
 */
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { contentHashPattern, type Owners } from './original-store.js'
import { reportingOthers } from './reported-others.js'
import { answeredBy } from './s3-answers.js'
import { pagesBelow } from './s3-pages.js'

export interface S3OwnersOptions {
  client: S3Client
  bucket: string
  prefix: string
  /** Of this installation: all processes that share a catalogue. */
  id(): Promise<string>
  /**
   * Whether this installation stored what is in the bucket. Older versions left no markers.
   * @param contentHashes some of the originals there; empty if there are none
   */
  knows(contentHashes: readonly string[]): Promise<boolean>
  /** Called when others are found for the first time. */
  onOthers(others: readonly string[]): void
}

/** The owner of files that were found without any marker. */
const unknownOwner = 'unknown'
const explanation = {
  purpose:
    'An installation of Alike uses this bucket and prefix. Delete this object once that installation is gone for good: others remove what they do not know only when they are alone.',
}

export class S3Owners implements Owners {
  readonly #options: S3OwnersOptions
  #registered: Promise<string> | undefined
  readonly #report: (others: readonly string[]) => boolean

  constructor(options: S3OwnersOptions) {
    this.#options = options
    this.#report = reportingOthers(options.onOthers)
  }

  async register(): Promise<void> {
    await this.#own()
  }

  /** An installation that comes later has its marker before it stores anything, and young files are never deleted. */
  async areAlone(): Promise<boolean> {
    const own = await this.#own()
    const ids = await this.#ids()
    if (!ids.includes(own)) await this.#mark(own) // someone deleted it, though this installation is not gone
    return this.#report(ids.filter((id) => id !== own))
  }

  #own(): Promise<string> {
    this.#registered ??= this.#register().catch((error: unknown) => {
      this.#registered = undefined
      throw error
    })
    return this.#registered
  }

  async #register(): Promise<string> {
    const own = await this.#options.id()
    const ids = await this.#ids()
    if (ids.includes(own)) return own
    if (ids.length === 0 && (await this.#isOthers())) await this.#mark(unknownOwner)
    await this.#mark(own)
    return own
  }

  /** Whether the bucket contains something that this installation does not know. */
  async #isOthers(): Promise<boolean> {
    const { client, bucket: Bucket, prefix: Prefix, knows } = this.#options
    for await (const { Contents = [] } of pagesBelow(client, 'originals', { Bucket, Prefix })) {
      const names = namesBelow(Prefix, Contents)
      if (names.length > 0) return !(await knows(names.filter((name) => contentHashPattern.test(name)))) // of the first page
    }
    return false
  }

  async #ids(): Promise<string[]> {
    const { client, bucket: Bucket } = this.#options
    const Prefix = this.#prefix
    const ids: string[] = []
    for await (const { Contents = [] } of pagesBelow(client, 'originals', { Bucket, Prefix }))
      ids.push(...namesBelow(Prefix, Contents))
    return ids
  }

  async #mark(id: string): Promise<void> {
    const { client, bucket: Bucket } = this.#options
    const Body = JSON.stringify({ ...explanation, installation: id, since: new Date().toISOString() })
    const put = new PutObjectCommand({ Bucket, Key: `${this.#prefix}${id}`, Body, ContentType: 'application/json' })
    await answeredBy('originals', client.send(put))
  }

  get #prefix(): string {
    return `${this.#options.prefix}installations/`
  }
}

/** Without the empty objects that a console creates for folders, also for that of the prefix. */
function namesBelow(prefix: string, objects: readonly { Key?: string | undefined }[]): string[] {
  const names = objects.map(({ Key = '' }) => Key.slice(prefix.length))
  return names.filter((name) => name !== '' && !name.endsWith('/'))
}

/** The service's end of one decoder process: its start within limits, and frames to and from it. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type DecoderReply, type DecoderRequest, replyBounds } from './decoder-protocol.js'
import { FrameReader, frameOf } from './frames.js'

/**
 * What keeps a process in: another user, `nobody`, which only root can give it; and limits set by a shell, of its data
 * segment and of its standing when memory runs out, where it goes first.
 */
export interface Confinement {
  asNobody: boolean
  limited: boolean
}

export interface ProcessOptions {
  confinement: Confinement
  /** Of all pictures that are being decoded together. */
  memoryMaxBytes: number
  imagesAtOnce: number
  /** Of the service; little of it is handed on. */
  environment?: Readonly<Record<string, string | undefined>> | undefined
}

interface ProcessEvents {
  onReply(reply: DecoderReply, body: Buffer<ArrayBuffer>): void
  /** Once, when it has ended and everything that it wrote is read. */
  onEnd(reason: string): void
}

const program = fileURLToPath(new URL('./decoder-child.js', import.meta.url))
/** Address space that Node.js reserves or maps before it decodes anything; little of it is ever touched. */
const reservedBytes = 2 ** 30
const nobody = 65_534
/** Everything else of the environment, keys among it, is none of its business. */
const passedOn = ['PATH', 'LD_LIBRARY_PATH', 'LD_PRELOAD', 'LANG', 'TZ', 'TMPDIR']

export class DecoderProcess {
  readonly #child: ChildProcess
  readonly #channel: Socket | undefined
  #ended = false

  constructor(options: ProcessOptions, { onReply, onEnd }: ProcessEvents) {
    const child = start(options)
    this.#child = child
    const ended = (reason: string) => {
      if (this.#ended) return
      this.#ended = true
      this.#channel?.destroy() // one that could not be killed ends by this
      onEnd(reason)
    }
    child.once('error', (error) => ended(error.message))
    child.once('close', (code, signal) => ended(signal ?? `exit code ${code}`)) // after the last of its channel
    this.#channel = child.stdio[3] as Socket | undefined
    const replies = new FrameReader(replyBounds, (header, body) => onReply(header as DecoderReply, body))
    this.#channel?.on('data', (chunk) => {
      try {
        replies.push(chunk)
      } catch {
        this.kill() // what it says cannot be understood any more
      }
    })
    this.#channel?.on('error', () => undefined) // it has ended, which is told by itself
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  send(request: DecoderRequest, bytes: Uint8Array): void {
    const channel = this.#channel!
    channel.cork()
    for (const piece of frameOf(request, [bytes])) channel.write(piece)
    channel.uncork()
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

function start({ confinement, memoryMaxBytes, imagesAtOnce, environment = {} }: ProcessOptions): ChildProcess {
  const command = [process.execPath, '--v8-pool-size=1', program]
  const options: SpawnOptions = {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    cwd: '/',
    env: environmentOf(environment, imagesAtOnce),
    ...(confinement.asNobody && { uid: nobody, gid: nobody }),
  }
  if (!confinement.limited) return spawn(command[0]!, command.slice(1), options)
  const kibibytes = Math.ceil((reservedBytes + memoryMaxBytes) / 1024)
  return spawn(
    '/bin/sh',
    [
      '-c',
      '{ ulimit -c 0; ulimit -d "$1"; echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null; shift; exec "$@"',
      'decoder',
      String(kibibytes),
      ...command,
    ],
    options,
  )
}

function environmentOf(
  environment: NonNullable<ProcessOptions['environment']>,
  imagesAtOnce: number,
): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(
      passedOn.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
    ),
    UV_THREADPOOL_SIZE: String(2 * imagesAtOnce),
    // memory of large pictures goes back to the system
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '1048576',
    MALLOC_TRIM_THRESHOLD_: '1048576',
  }
}

/** The service's end of one decoder process: starts it within limits, and exchanges frames with it. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type DecoderReply, type DecoderRequest, replyBounds } from './decoder-protocol.js'
import { FrameReader, frameOf } from './frames.js'
import { discard } from './spent-bytes.js'

/**
 * What confines a process: another user, `nobody`, which only root can set; and shell limits on its data segment and
 * its out-of-memory score, so that it is killed first.
 */
export interface Confinement {
  asNobody: boolean
  limited: boolean
}

export interface ProcessOptions {
  confinement: Confinement
  /** Memory limit for all concurrent decodes together. */
  memoryMaxBytes: number
  imagesAtOnce: number
  /** By how much its priority is below that of the service. */
  niceness: number
  /** The service's environment; little of it is passed on. */
  environment?: Readonly<Record<string, string | undefined>> | undefined
}

interface ProcessEvents {
  onReply(reply: DecoderReply, body: Buffer<ArrayBuffer>): void
  /** Called once, after the process has ended and all of its output has been read. */
  onEnd(reason: string): void
}

const program = fileURLToPath(new URL('./decoder-child.js', import.meta.url))
/** Address space that Node.js reserves or maps before decoding anything; little of it is ever used. */
const reservedBytes = 2 ** 30
const nobody = 65_534
/** The rest of the environment, including keys, is withheld. */
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
      this.#channel?.destroy() // fallback for a process that could not be killed
      onEnd(reason)
    }
    child.once('error', (error) => ended(error.message))
    child.once('close', (code, signal) => ended(signal ?? `exit code ${code}`)) // after its last channel has closed
    this.#channel = child.stdio[3] as Socket | undefined
    const replies = new FrameReader(replyBounds, (header, body) => onReply(header as DecoderReply, body))
    this.#channel?.on('data', (chunk) => {
      try {
        replies.push(chunk)
      } catch {
        this.kill() // its output can no longer be parsed
      }
      discard(chunk)
    })
    this.#channel?.on('error', () => undefined) // it has ended, which is reported separately
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

function start({
  confinement,
  memoryMaxBytes,
  imagesAtOnce,
  niceness,
  environment = {},
}: ProcessOptions): ChildProcess {
  const command = [process.execPath, '--v8-pool-size=1', program, String(niceness)]
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
    // returns memory of large pictures to the system
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '1048576',
    MALLOC_TRIM_THRESHOLD_: '1048576',
  }
}

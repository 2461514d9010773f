/**
 * The program of a decoder process: pictures arrive on file descriptor 3 and return as pixels. It holds no state, so it
 * exits immediately when the service is gone.
 */
import { Socket } from 'node:net'
import { lowerPriority } from '../niceness.js'
import { type DecoderReply, type DecoderRequest, errorReplyOf, replyOf, requestBounds } from './decoder-protocol.js'
import { FrameReader, frameOf } from './frames.js'
import { planWork } from './image-work.js'
import { discard } from './spent-bytes.js'

lowerPriority(Number(process.argv[2])) // before libuv's threads start, which inherit it

const channel = new Socket({ fd: 3, readable: true, writable: true })
const requests = new FrameReader(requestBounds, (header, body) => void answer(header as DecoderRequest, body))
channel.on('data', (chunk) => {
  requests.push(chunk)
  discard(chunk)
})
channel.on('end', end)
channel.on('close', end)
channel.on('error', end)
send({ ready: true })

async function answer({ call, work, grantedBytes }: DecoderRequest, bytes: Uint8Array): Promise<void> {
  try {
    const { decodeBytes, run } = await planWork(bytes, work)
    if (decodeBytes > grantedBytes) return send({ call, neededBytes: decodeBytes })
    const { header, body } = replyOf(call, await run())
    send(header, body)
  } catch (error) {
    send(errorReplyOf(call, error))
  }
}

function send(header: DecoderReply, body: readonly Uint8Array[] = []): void {
  channel.cork()
  for (const piece of frameOf(header, body)) channel.write(piece)
  channel.uncork()
}

/** An orderly exit would wait for the picture that a thread is decoding. */
function end(): void {
  process.kill(process.pid, 'SIGKILL')
}

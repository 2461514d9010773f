/** Unpacks Zstandard beside the main thread: the decoder is JavaScript, because Node 20 brings none of its own. */
import { answerCalls, MovedReply } from '../../worker-calls.js'
import { ZstdDecoder } from './decoder.js'
import type { ZstdCalls } from './zstd-protocol.js'

/** One reply carries about as much: a few bytes of input can unpack to megabytes. */
const replyBytes = 512 * 1024

let input = new Uint8Array()
let outputs: Uint8Array[] = []
let outputBytes = 0
const decoder = new ZstdDecoder((output) => {
  outputs.push(output)
  outputBytes += output.length
})

answerCalls<ZstdCalls>(
  {
    unpack(more) {
      if (more !== undefined) input = new Uint8Array(more)
      while (input.length > 0 && outputBytes < replyBytes) input = input.subarray(decoder.push(input))
      const output = takeOutput()
      return new MovedReply({ output, rest: input.length > 0 }, [output.buffer])
    },
    finish() {
      decoder.end()
      return { output: takeOutput() }
    },
  },
  () => {},
)

function takeOutput(): Uint8Array<ArrayBuffer> {
  const output = new Uint8Array(outputBytes)
  let at = 0
  for (const piece of outputs) {
    output.set(piece, at)
    at += piece.length
  }
  outputs = []
  outputBytes = 0
  return output
}

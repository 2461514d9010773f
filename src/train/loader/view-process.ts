/** Child process of the loader that makes views. The native decoder does not scale with threads within one process. */
import { describeError } from '../../worker-calls/answered-calls.js'
import { type FromViewProcess, makeView, type ToViewProcess } from './view-maker.js'

// Ctrl-C, and some service managers, signal every process of a run: it still needs views until its checkpoint is saved.
// When it is gone, the channel closes, and nothing keeps this process alive
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

process.on('message', ({ ticket, bytes, order }: ToViewProcess) => {
  // the callback ignores errors: nobody waits any more if the loader has been closed
  const answer = (message: FromViewProcess) => process.send?.(message, undefined, undefined, () => {})
  makeView(bytes, order).then(
    (pixels) => answer({ ticket, pixels }),
    (error: unknown) => answer({ ticket, error: describeError(error) }),
  )
})

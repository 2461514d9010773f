/** Child process of the loader: makes views. The native decoder does not get faster with more threads of one process. */
import { type FromViewProcess, makeView, type ToViewProcess } from './view-maker.js'

process.on('message', ({ ticket, bytes, order }: ToViewProcess) => {
  // nobody waits any more where the loader was closed meanwhile
  const answer = (message: FromViewProcess) => process.send?.(message, undefined, undefined, () => {})
  makeView(bytes, order).then(
    (pixels) => answer({ ticket, pixels }),
    (error: unknown) => answer({ ticket, error }),
  )
})

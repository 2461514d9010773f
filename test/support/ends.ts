/**
 * Imported by each batch (`batches.ts`): its process ends soon after its last test, or says what that left open. It
 * comes last, since the runner calls `after` as soon as all tests that it knows of are over.
 */
import { after } from 'node:test'

const graceMs = 60_000

after(() => {
  const end = () => {
    console.error(`The tests are over, but left open: ${process.getActiveResourcesInfo().join(', ')}.`)
    process.exit(1)
  }
  // Does not itself keep the process alive.
  setTimeout(end, graceMs).unref()
})

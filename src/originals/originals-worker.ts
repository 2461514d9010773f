/** The thread that writes originals. */
import { answerCalls } from '../worker-calls/answered-calls.js'
import { putFile } from './original-files.js'
import type { OriginalsCalls } from './originals-protocol.js'

answerCalls<OriginalsCalls>({ put: ({ path, bytes }) => putFile(path, bytes) }, () => {})

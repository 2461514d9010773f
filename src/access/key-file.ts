/** Watches the key file, so that changes to it take effect without a restart. */
import { unwatchFile, watchFile } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiKeys, type KeySettings, keysOf, readKeyFile } from './api-keys.js'

export interface KeyFileOptions {
  settings: KeySettings
  keys: ApiKeys
  logger: { info(facts: object, message: string): void; error(facts: object, message: string): void }
  onReload(outcome: 'reloaded' | 'refused'): void
  lookEveryMs?: number | undefined
}

/** A file that is copied over a network is empty for as long as its content is on its way. */
const settleMs = 500
/** Ten seconds: a key that was removed must not stay valid for as long as something keeps changing the file. */
const readsMax = 21

/**
 * Polls the file's state instead of waiting for events, because mounted secrets change through a link to another
 * folder. An unusable file leaves the keys unchanged; one without keys revokes them, so that callers are refused.
 * @returns a function that stops watching
 */
export function followKeyFile({ settings, keys, logger, onReload, lookEveryMs = 2_000 }: KeyFileOptions): () => void {
  const { apiKeysFile } = settings
  if (apiKeysFile === '') return () => undefined
  const reload = async () => {
    try {
      const text = await settled(
        () => readKeyFile(settings),
        () => sleep(settleMs, undefined, { ref: false }),
      )
      keys.replace(keysOf(settings, text))
      if (keys.count === 0) logger.error({ keys: 0 }, 'no API keys are left: callers with a key are refused')
      else logger.info({ keys: keys.count }, 'API keys reloaded')
      onReload('reloaded')
    } catch (err) {
      logger.error({ err }, 'the API keys are unchanged: their file cannot be used')
      onReload('refused')
    }
  }
  const look = () => void reload()
  watchFile(apiKeysFile, { interval: lookEveryMs, persistent: false }, look)
  return () => unwatchFile(apiKeysFile, look)
}

/**
 * What is read twice in a row: half of a file that is being written may be valid, with fewer keys, or with a key whose
 * line breaks off before what restricts it. One that never stays the same is used as it was read last.
 */
export async function settled(read: () => Promise<string>, pause: () => Promise<void>): Promise<string> {
  let last = await read()
  for (let reads = 1; reads < readsMax; reads++) {
    await pause()
    const now = await read()
    if (now === last) break
    last = now
  }
  return last
}

/** The file of keys, looked at while the service runs: who changes it needs no restart. */
import { unwatchFile, watchFile } from 'node:fs'
import { type ApiKeys, type KeySettings, readKeys } from './api-keys.js'

export interface KeyFileOptions {
  settings: KeySettings
  keys: ApiKeys
  logger: { info(facts: object, message: string): void; error(facts: object, message: string): void }
  onReload(outcome: 'reloaded' | 'refused'): void
  lookEveryMs?: number | undefined
}

/**
 * Looks at the file's state rather than waits for events: secrets that are mounted change by a link to another folder.
 * A file that cannot be used leaves the keys as they were. @returns what ends it
 */
export function followKeyFile({ settings, keys, logger, onReload, lookEveryMs = 2_000 }: KeyFileOptions): () => void {
  const { apiKeysFile } = settings
  if (apiKeysFile === '') return () => undefined
  const reload = async () => {
    try {
      keys.replace(await readKeys(settings))
      logger.info({ keys: keys.count }, 'API keys reloaded')
      onReload('reloaded')
    } catch (err) {
      logger.error({ err }, 'the API keys are unchanged: their file cannot be used')
      onReload('refused')
    }
  }
  const listener = watchFile(apiKeysFile, { interval: lookEveryMs, persistent: false }, () => void reload())
  return () => {
    listener.removeAllListeners()
    unwatchFile(apiKeysFile)
  }
}

/** What is left of a service whose model must not serve. */
import type { AlikeError } from '../errors.js'
import { buildUnreadyApps } from '../side-apps.js'
import { openCallers } from './callers.js'
import { OpenedParts, type Opening } from './opened-parts.js'
import type { Service } from './service.js'

/** Its metrics are protected like those of a service that is ready. */
export async function openUnready({
  reason,
  ...opening
}: Omit<Opening, 'opened'> & { reason: AlikeError }): Promise<Omit<Service, 'parts'>> {
  const opened = new OpenedParts()
  const callers = await openCallers({ ...opening, opened })
  const { close, ...apps } = await buildUnreadyApps({ ...opening, ...callers, reason })
  opened.atEnd(close)
  return { ...apps, close: (crashed) => opened.close(crashed) }
}

/** Opens access control and the audit log. */
import { ApiKeys, readKeys } from '../access/api-keys.js'
import { type AuditLog, openAuditLog } from '../access/audit-log.js'
import { followKeyFile } from '../access/key-file.js'
import { isOpenToAll, Tokens } from '../access/tokens.js'
import type { Opening } from './opened-parts.js'

export interface Callers {
  apiKeys: ApiKeys
  tokens: Tokens | undefined
  auditLog: AuditLog | undefined
}

export async function openCallers({ config, logger, metrics, opened }: Opening): Promise<Callers> {
  const apiKeys = new ApiKeys(await readKeys(config))
  const tokens = Tokens.open(config)
  opened.atEnd(followKeyFile({ settings: config, keys: apiKeys, logger, onReload: metrics.countKeyReload }))
  const auditLog = await openAuditLog(config.auditLog, logger, (err) => {
    metrics.countAuditLoss()
    logger.error({ err }, 'the audit log cannot be written')
  })
  if (auditLog !== undefined) opened.add(auditLog)
  if (isOpenToAll(apiKeys, tokens))
    logger.warn('no API keys: everyone who reaches this address may read, write and delete')
  else logger.info({ keys: apiKeys.count, tokensOf: config.jwtIssuer }, 'callers need an API key or a token')
  return { apiKeys, tokens, auditLog }
}

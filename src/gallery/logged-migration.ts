/** Tells whoever waits for a start that tables of an older version are being migrated, which takes long with large data. */

export interface Migration {
  /** Whose tables. */
  store: string
  /** 0 if there are none yet: creating them is no migration. */
  from: number
  to: number
}

export interface MigrationLogger {
  info(fields: object, message: string): void
}

/** @param migrate takes the steps, if there are any */
export async function loggedMigration(
  logger: MigrationLogger,
  { store, from, to }: Migration,
  migrate: () => Promise<unknown>,
): Promise<void> {
  const isLogged = from > 0 && from < to
  if (isLogged) logger.info({ store, from, to }, 'the tables of an older version are being migrated')
  const beganAt = performance.now()
  await migrate()
  if (isLogged) logger.info({ store, from, to, ms: Math.round(performance.now() - beganAt) }, 'the tables are migrated')
}

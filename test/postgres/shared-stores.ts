/** Stores in a separate database for each test. */
import type { TestContext } from 'node:test'
import { openSharedStores, type SharedStores, type SharedStoresOptions } from '../../src/postgres/open-postgres.js'
import { postgresServer } from '../support/postgres-server.js'

/** @returns undefined, and skips the test, if PostgreSQL is not installed */
export async function newDatabase(t: TestContext): Promise<string | undefined> {
  return (await postgresServer(t))?.newDatabase()
}

export async function openStores(
  t: TestContext,
  url: string,
  options: Partial<SharedStoresOptions> = {},
): Promise<SharedStores> {
  const stores = await openSharedStores({
    url,
    connectionsMax: 4,
    leaseSeconds: 10,
    sharesUploads: true,
    feedbackMax: 4,
    decisionsMax: 3,
    logger: { info() {}, warn() {} },
    ...options,
  })
  let closing: Promise<void> | undefined
  const close = () => (closing ??= stores.close())
  t.after(close)
  return { ...stores, close }
}

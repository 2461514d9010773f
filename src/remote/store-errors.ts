/** What an S3 store refuses: an object, or everything until its owner grants it again. */

export interface StoreError extends Error {
  /** From the client; undefined without a response. */
  $metadata?: { httpStatusCode?: number | undefined } | undefined
}

/** Errors about the caller, whatever was requested. */
const aboutCaller = [
  'CredentialsProviderError',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'RequestTimeTooSkewed',
]
/** Errors for which a retry would fail in the same way. */
const refusals = new Set([
  'NoSuchBucket',
  'NoSuchKey',
  'NotFound',
  'PermanentRedirect',
  'InvalidObjectState',
  ...aboutCaller,
])
/** The same of statuses, whatever the error: it may come from a proxy. Without an error of the store, 404 may pass. */
const refusalStatuses = new Set([400, 401, 403, 405])
/** … except for these: a request that arrived too slowly, credentials that are being renewed. */
const passingErrors = new Set(['RequestTimeout', 'ExpiredToken', 'TokenRefreshRequired'])

/** Whether the store refuses the request, and would do so again. */
export function isRefused({ name, $metadata }: StoreError): boolean {
  return refusals.has(name) || (refusalStatuses.has($metadata?.httpStatusCode ?? 0) && !passingErrors.has(name))
}

/** Whether a refusal to read an object is final: without credentials or the bucket, all others would be refused too. */
export function isOfObject(error: StoreError): boolean {
  return isRefused(error) && error.name !== 'NoSuchBucket' && !aboutCaller.includes(error.name)
}

/** Whether the refusal of an object may be one of all objects of its bucket. */
export function mayBeOfBucket(error: unknown): boolean {
  const { name, $metadata } = error as StoreError
  return (
    isOfObject(error as StoreError) &&
    name !== 'InvalidObjectState' &&
    [401, 403].includes($metadata?.httpStatusCode ?? 0)
  )
}

/** Addresses that grant access: a presigned query is as good as a key while it is valid, so it is never shown. */

/** Parameters with which S3, Google Cloud Storage, CloudFront and Azure sign an address, in lower case. */
const ofSigning = /^(x-amz-|x-goog-)|^(awsaccesskeyid|googleaccessid)$/
const ofSignature = new Set(['signature', 'expires', 'policy', 'key-pair-id', 'key-name'])
const ofAzure = new Set(['sig', 'se', 'st', 'sp', 'spr', 'sv', 'sr', 'ss', 'srt', 'sip', 'si', 'sdd'])
const ofAzureUser = new Set(['skoid', 'sktid', 'skt', 'ske', 'sks', 'skv', 'saoid', 'suoid', 'scid'])

/**
 * A reference as shown in a record: an object or file unchanged, anything else without query, fragment and user
 * information. The hidden parts are still used to read the picture.
 */
export function shownReference(reference: string): { reference: string; hasQuery: boolean } {
  if (/^(s3|file):/.test(reference)) return { reference, hasQuery: false }
  const end = reference.search(/[?#]/)
  const path = end < 0 ? reference : reference.slice(0, end)
  return { reference: path.replace(/^(\s*\w+:[/\\]*)[^/\\]*@/, '$1'), hasQuery: reference[end] === '?' }
}

/**
 * The query without signature parameters; the others are unchanged: `?versionId=2&X-Amz-Signature=…` → `?versionId=2`.
 */
export function unsignedQuery(search: string): string {
  const pairs = search.slice(1).split('&')
  const names = pairs.map((pair) => nameOf(pair))
  const isSigned = names.includes('signature')
  const isAzure = names.includes('sig') && names.includes('sv')
  const kept = pairs.filter((_, i) => {
    const name = names[i]!
    if (ofSigning.test(name) || name === 'sig') return false
    return !(isSigned && ofSignature.has(name)) && !(isAzure && (ofAzure.has(name) || ofAzureUser.has(name)))
  })
  return kept.join('&') === '' ? '' : `?${kept.join('&')}`
}

/** In lower case, decoded. */
function nameOf(pair: string): string {
  const [name = ''] = new URLSearchParams(pair).keys()
  return name.toLowerCase()
}

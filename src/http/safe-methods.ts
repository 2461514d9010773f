/** Methods that change nothing (RFC 9110, section 9.2.1), of those that are served. */
export const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

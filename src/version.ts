/** The same as in package.json; a test holds the two together. */
export const serviceVersion = '0.1.0'

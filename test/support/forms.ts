/** Builds multipart bodies for tests, byte by byte. */

export interface FormPart {
  name: string
  filename?: string
  type?: string | undefined
  content: string | Buffer
}

export const formBoundary = '----alike-test-form'
export const formHeaders = { 'content-type': `multipart/form-data; boundary=${formBoundary}` }

/** @param encoding of the names */
export function formBody(parts: FormPart[], encoding: 'utf8' | 'latin1' = 'utf8'): Buffer {
  const pieces = parts.flatMap(({ name, filename, type, content }) => [
    Buffer.from(
      `--${formBoundary}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n`,
      encoding,
    ),
    Buffer.from(
      `${filename === undefined && type === undefined ? '' : `Content-Type: ${type ?? 'image/png'}\r\n`}\r\n`,
    ),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...pieces, Buffer.from(`--${formBoundary}--\r\n`)])
}

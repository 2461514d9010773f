/** The kind of an archive, determined by its first bytes: neither name nor content type is trusted. */
import { open } from 'node:fs/promises'
import { AlikeError } from '../errors.js'
import type { ArchiveKind } from './source.js'
import { blockBytes, isHeader } from './tar/tar-header.js'

/** @throws AlikeError `archive_unreadable` if it is none of them */
export async function archiveKind(file: string): Promise<ArchiveKind> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(blockBytes), 0, blockBytes, 0)
    const kind = kindOf(buffer.subarray(0, bytesRead))
    if (kind === undefined)
      throw new AlikeError('archive_unreadable', { detail: 'Supported are tar, tar.gz, tar.zst and zip.' })
    return kind
  } finally {
    await handle.close()
  }
}

function kindOf(head: Buffer): ArchiveKind | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'tar.gz'
  if (isZstd(head)) return 'tar.zst'
  if (head.subarray(0, 4).equals(Buffer.from('PK\x03\x04')) || head.subarray(0, 4).equals(Buffer.from('PK\x05\x06')))
    return 'zip'
  return head.length === blockBytes && (isHeader(head) || head.every((byte) => byte === 0)) ? 'tar' : undefined // an empty archive begins with zeros
}

/** A frame, or a skippable frame, with which several packers begin. */
function isZstd(head: Buffer): boolean {
  if (head.length < 4) return false
  const magic = head.readUInt32LE(0)
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50
}

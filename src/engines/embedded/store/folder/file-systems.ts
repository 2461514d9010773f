/** Network file systems, on which SQLite's write-ahead log is unsafe because it relies on shared memory. */
import { statfsSync } from 'node:fs'

/** `f_type` of statfs(2) → its common name. */
const networkFileSystems = new Map<number, string>([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS (SMB)'],
  [0xfe534d42, 'SMB2'],
  [0x517b, 'SMB'],
  [0x65735546, 'FUSE'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x786f4256, 'vboxsf'],
  [0xbacbacbc, 'vmhgfs'],
])

/** The name of the network file system that holds a folder; undefined on a local one. */
export function networkFileSystem(folder: string): string | undefined {
  try {
    return nameOfNetworkFileSystem(statfsSync(folder).type)
  } catch {
    return undefined
  }
}

/** @param type from statfs, signed on some platforms */
export function nameOfNetworkFileSystem(type: number): string | undefined {
  return networkFileSystems.get(type >>> 0)
}

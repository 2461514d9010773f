/**
 * Detects damage to the synced part of a write-ahead log left by a crash. SQLite treats the first frame with a wrong
 * checksum as the end of the log and silently discards every later write: right for the torn end of a power cut, wrong
 * for a bit flipped in the middle.
 *
 * The two can be told apart because every commit is synced before the next one begins: a power cut can only tear the
 * last transaction. Each frame carries the running checksum up to itself, so frames after a damaged one can still be
 * checked, each against its predecessor.
 *
 * A transaction that failed at its commit leaves frames too. The next one begins at the same place, and may overwrite only
 * some of them: what is left then begins with a frame of this log that does not fit its predecessor.
 *
 * Format: https://sqlite.org/fileformat2.html#the_write_ahead_log
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { damaged } from './database.js'

const headerBytes = 32
const frameHeaderBytes = 24
/** 0x377f0682; the last bit is set when checksums use big-endian words. */
const magic = 0x377f0682

type Checksum = [number, number]

interface Frame {
  /** Ends a transaction. */
  commits: boolean
  salts: string
  stated: Checksum
  /** Computed over this frame, starting from the checksum stated in the previous one. */
  computed: Checksum
  /** The same, starting from another one. Only until the next frame is read. */
  computedFrom(before: Checksum): Checksum
}

/**
 * Call it before anything opens the database.
 * @param path of the log, which may be missing
 * @throws AlikeError `data_unreadable`
 */
export function expectWholeLog(path: string): void {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw damaged('The write-ahead log cannot be read.', error)
  }
  try {
    if (hasLostCommits(file)) {
      throw damaged(
        'The write-ahead log (alike.db-wal) is damaged where it holds acknowledged writes. Restore a snapshot; without one, deleting that file gives its writes up.',
      )
    }
  } finally {
    closeSync(file)
  }
}

function hasLostCommits(file: number): boolean {
  const header = Buffer.alloc(headerBytes)
  if (readSync(file, header, 0, headerBytes, 0) < headerBytes || header.every((byte) => byte === 0)) return false
  const bigEndian = (header.readUInt32BE(0) & 1) === 1
  const stated: Checksum = [header.readUInt32BE(24), header.readUInt32BE(28)]
  const whole =
    header.readUInt32BE(0) >>> 1 === magic >>> 1 && same(checksum(header.subarray(0, 24), bigEndian, [0, 0]), stated)
  if (!whole) return holdsCommits(file, header)
  const salts = header.toString('hex', 16, 24)

  let inChain = true
  let lostCommit = false
  let before: Frame | undefined
  for (const frame of framesOf(file, header.readUInt32BE(8), bigEndian, stated)) {
    const isOfLog = frame.salts === salts
    const fits = isOfLog && same(frame.computed, frame.stated)
    inChain &&= fits
    if (!inChain) {
      const follows =
        fits || (isOfLog && before !== undefined && same(frame.computedFrom(before.computed), frame.stated))
      // A valid frame after an unreachable commit: that commit had been synced.
      if (follows && (lostCommit || before?.commits === true)) return true
      if (isOfLog && before?.commits === true) lostCommit = false // of a transaction that failed
      if (isOfLog && frame.commits) lostCommit = true
    }
    before = frame
  }
  return false
}

/**
 * SQLite reads nothing from a log with a damaged header. Assumes our page size and byte order, whatever the header
 * says.
 */
function holdsCommits(file: number, header: Buffer): boolean {
  for (const bigEndian of [false, true]) {
    let before: Frame | undefined
    for (const frame of framesOf(file, ownPageBytes, bigEndian, [header.readUInt32BE(24), header.readUInt32BE(28)])) {
      if (frame.commits && (same(frame.computed, frame.stated) || before?.salts === frame.salts)) return true
      before = frame
    }
  }
  return false
}

/** `page_size` of the databases we create. */
const ownPageBytes = 8_192

function* framesOf(file: number, pageBytes: number, bigEndian: boolean, first: Checksum): Generator<Frame> {
  const frameBytes = frameHeaderBytes + pageBytes
  const bytes = Buffer.alloc(frameBytes)
  const { size } = fstatSync(file)
  let before = first
  for (let offset = headerBytes; offset + frameBytes <= size; offset += frameBytes) {
    if (readSync(file, bytes, 0, frameBytes, offset) < frameBytes) return
    const stated: Checksum = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
    const computedFrom = (start: Checksum) =>
      checksum(bytes.subarray(frameHeaderBytes), bigEndian, checksum(bytes.subarray(0, 8), bigEndian, start))
    const computed = computedFrom(before)
    yield { commits: bytes.readUInt32BE(4) !== 0, salts: bytes.toString('hex', 8, 16), stated, computed, computedFrom }
    before = stated
  }
}

function checksum(bytes: Buffer, bigEndian: boolean, [first, second]: Checksum): Checksum {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let a = first
  let b = second
  for (let i = 0; i < bytes.length; i += 8) {
    a = (a + words.getUint32(i, !bigEndian) + b) >>> 0
    b = (b + words.getUint32(i + 4, !bigEndian) + a) >>> 0
  }
  return [a, b]
}

function same([a, b]: Checksum, [c, d]: Checksum): boolean {
  return a === c && b === d
}

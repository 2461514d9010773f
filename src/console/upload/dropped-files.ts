/** Extracts files from a drop or file chooser: folders are traversed, and each file keeps its path. */

export interface PathedFile {
  path: string
  file: File
}

const archiveNames = /\.(zip|tar|tar\.gz|tgz|tar\.zst)$/i

export function isArchive({ name }: File): boolean {
  return archiveNames.test(name)
}

/** Call it synchronously in the drop handler: browsers clear the data afterwards. */
export async function droppedFiles(transfer: DataTransfer): Promise<PathedFile[]> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? [])
  const found: PathedFile[] = []
  for (const entry of entries) await walk(entry, found)
  return found
}

/** From a file or folder input. */
export function chosenFiles(files: readonly File[]): PathedFile[] {
  return files.map((file) => ({ path: file.webkitRelativePath || file.name, file }))
}

async function walk(entry: FileSystemEntry, found: PathedFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    found.push({ path: entry.fullPath.replace(/^\//, ''), file })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  // a reader returns a hundred entries at a time
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return
    for (const one of some) await walk(one, found)
  }
}

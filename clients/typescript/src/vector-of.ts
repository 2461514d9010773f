/** A vector from JSON, where it is numbers, or base64 of float32 numbers in the byte order of all current platforms. */
export function vectorOf(given: number[] | string): Float32Array {
  if (typeof given !== 'string') return Float32Array.from(given)
  const binary = atob(given)
  // a loop: `Uint8Array.from` takes twenty times as long
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return new Float32Array(bytes.buffer)
}

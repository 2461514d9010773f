/** Metadata of pictures and galleries: any JSON object. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }
export type Metadata = { [key: string]: JsonValue }

/** Bytes of an object, from `start` up to and without `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Where files lie: objects by name, each written as a whole. Names are parts of small letters, digits, `_`, `-` and `.` with `/`
 * between.
 */
export interface Storage {
  /**
   * Writes an object: who reads it sees all of it, or what was there before. When this resolves, it survives the death of the machine.
   * @returns its size in bytes
   * @throws AppError `storage_full`, `storage_unavailable`; whatever the source throws
   */
  write(name: string, source: AsyncIterable<Uint8Array>): Promise<number>;
  /** @throws AppError `storage_object_missing`, `storage_unavailable`, while it is read */
  read(name: string, range?: ByteRange): AsyncIterable<Uint8Array>;
  /** Removes objects; those that are not there are as good as removed. @throws AppError `storage_unavailable` */
  remove(names: readonly string[]): Promise<void>;
  /** Legal to call twice. */
  close(): void;
}

const NAME = /^[a-z0-9_][a-z0-9_.-]*(\/[a-z0-9_][a-z0-9_.-]*)*$/;

/** Keeps a name that is no name from becoming a path. */
export function checkName(name: string): string {
  if (!NAME.test(name)) throw new Error(`not the name of an object: ${name}`);
  return name;
}

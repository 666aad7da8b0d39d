export { openStorage } from "./open-storage.ts";
export type { ByteRange, Storage } from "./storage.ts";

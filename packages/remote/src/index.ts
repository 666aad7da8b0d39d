export { openRemoteModel, type RemoteModel } from "./remote-model.ts";
export { isRemoteSpec, parseRemoteSource, type RemoteSource } from "./remote-source.ts";

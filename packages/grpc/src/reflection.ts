import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { shorten } from "@llamero/core";
import type { ServerReflectionRequest } from "./gen/grpc/reflection/v1/reflection_pb.js";
import type { ServerReflectionRequest as AlphaRequest } from "./gen/grpc/reflection/v1alpha/reflection_pb.js";

/** What is asked, in either version of the protocol, which differ in their names alone. */
export type ReflectionQuestion = (ServerReflectionRequest | AlphaRequest)["messageRequest"];

export type ReflectionAnswer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: Code; errorMessage: string } };

function addFile(file: DescFile, files: Map<string, DescFile>): void {
  if (files.has(file.proto.name)) return;
  files.set(file.proto.name, file);
  for (const dependency of file.dependencies) addFile(dependency, files);
}

/** The file of every name that can be asked for: types and services, fields and methods. */
function symbolsOf(files: Iterable<DescFile>): Map<string, DescFile> {
  const symbols = new Map<string, DescFile>();
  for (const file of files)
    for (const type of nestedTypes(file)) {
      symbols.set(type.typeName, file);
      if (type.kind === "service") for (const { name } of type.methods) symbols.set(`${type.typeName}.${name}`, file);
      if (type.kind === "message") for (const { name } of type.fields) symbols.set(`${type.typeName}.${name}`, file);
    }
  return symbols;
}

function notFound(what: string): ReflectionAnswer {
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: `There is no ${what} here.` } };
}

/** A file with all that it needs, itself first. */
function withDependencies(file: DescFile): ReflectionAnswer {
  const files = new Map<string, DescFile>();
  addFile(file, files);
  const fileDescriptorProto = Array.from(files.values(), ({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

/**
 * Answers what clients such as grpcurl ask of a server's services.
 * @see https://grpc.io/docs/guides/reflection/
 */
export function createReflection(services: readonly DescService[]): (question: ReflectionQuestion) => ReflectionAnswer {
  const files = new Map<string, DescFile>();
  for (const { file } of services) addFile(file, files);
  const symbols = symbolsOf(files.values());
  const answer = (file: DescFile | undefined, what: string) => (file === undefined ? notFound(what) : withDependencies(file));
  return (question) => {
    switch (question.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: services.map(({ typeName }) => ({ name: typeName })) } };
      case "fileByFilename":
        return answer(files.get(question.value), `file ${shorten(question.value)}`);
      case "fileContainingSymbol":
        return answer(symbols.get(question.value), `symbol ${shorten(question.value)}`);
      case "allExtensionNumbersOfType":
        if (!symbols.has(question.value)) return notFound(`type ${shorten(question.value)}`);
        return { case: "allExtensionNumbersResponse", value: { baseTypeName: question.value, extensionNumber: [] } };
      case "fileContainingExtension":
        return notFound(`extension of ${shorten(question.value.containingType)}`);
      case undefined:
        return {
          case: "errorResponse",
          value: { errorCode: Code.InvalidArgument, errorMessage: "The request asks for nothing." },
        };
    }
  };
}

import { execFileSync, spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TypeMeta } from "@kubernetes-models/base";
import * as keda from "@kubernetes-models/keda/keda.sh/v1alpha1";
import type { IDeployment } from "kubernetes-models/apps/v1";
import * as apps from "kubernetes-models/apps/v1";
import * as autoscaling from "kubernetes-models/autoscaling/v2";
import * as networking from "kubernetes-models/networking.k8s.io/v1";
import * as policy from "kubernetes-models/policy/v1";
import * as core from "kubernetes-models/v1";
import { parseAllDocuments } from "yaml";

export const root = join(import.meta.dirname, "../kubernetes");
const example = join(root, "example");

/** A document of a manifest. */
export type Manifest = TypeMeta & { metadata?: { name?: string; namespace?: string; labels?: Record<string, string> } };
export type PodSpec = NonNullable<NonNullable<IDeployment["spec"]>["template"]["spec"]>;

/** What each version of an API has, by kind. */
const versions: Record<string, Record<string, unknown>> = {
  v1: core,
  "apps/v1": apps,
  "autoscaling/v2": autoscaling,
  "keda.sh/v1alpha1": keda,
  "networking.k8s.io/v1": networking,
  "policy/v1": policy,
};

type Model = new (data: unknown) => { validate(): void };
const isModel = (value: unknown): value is Model => typeof value === "function" && "kind" in value;

/** @throws Error where its kind is unknown, or its schema does not fit */
export function validate(document: Manifest): void {
  const model = versions[document.apiVersion]?.[document.kind];
  if (!isModel(model)) throw new Error(`There is no ${document.kind} in ${document.apiVersion}.`);
  new model(document).validate();
}

function documentsIn(text: string): Manifest[] {
  return parseAllDocuments(text, { merge: true }).map((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw error;
    return document.toJS() as Manifest;
  });
}

/** What says how manifests are put together. */
export interface Kustomization extends TypeMeta {
  resources?: string[];
  configurations?: string[];
  labels?: { pairs: Record<string, string>; includeSelectors?: boolean; includeTemplates?: boolean }[];
}

export interface KustomizationFile {
  folder: string;
  content: Kustomization;
}

const files = globSync("**/*.yaml", { cwd: root }).map((file) => ({
  file,
  documents: documentsIn(readFileSync(join(root, file), "utf8")),
}));

export const kustomizations: KustomizationFile[] = files
  .filter(({ file }) => file.endsWith("kustomization.yaml"))
  .map(({ file, documents: [content] }) => ({ folder: join(root, dirname(file)), content: content as Kustomization }));

const configurations = kustomizations.flatMap(({ folder, content }) =>
  (content.configurations ?? []).map((name) => join(folder, name)),
);

/** The manifests as they stand in their files. */
export const written = files
  .filter(({ file }) => !file.endsWith("kustomization.yaml") && !configurations.includes(join(root, file)))
  .flatMap(({ documents }) => documents);

/** The example as a cluster gets it; null where there is no kubectl. */
export function render(): Manifest[] | null {
  if (spawnSync("kubectl", ["version", "--client"]).status !== 0) return null;
  return documentsIn(execFileSync("kubectl", ["kustomize", example], { encoding: "utf8", maxBuffer: 1 << 26 }));
}

/** Whether labels are those that a selector asks for. */
export function selects(selector: Record<string, string> | undefined, labels: Record<string, string> | undefined): boolean {
  return Object.entries(selector ?? {}).every(([name, value]) => labels?.[name] === value);
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import { ScaledObject, TriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { Deployment } from "kubernetes-models/apps/v1";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { ConfigMap, PersistentVolumeClaim, Service, ServiceAccount } from "kubernetes-models/v1";
import { describe, expect, test } from "vitest";
import { kustomizations, type Manifest, type PodSpec, render, selects, validate, written } from "./manifests.ts";

const rendered = render();
const views: [string, Manifest[]][] = [
  ["as written", written],
  ...(rendered === null ? [] : [["rendered", rendered] as [string, Manifest[]]]),
];

const nameOf = ({ metadata }: Manifest) => metadata?.name ?? "";
const named = (manifests: readonly Manifest[]) =>
  manifests.map((manifest) => [`${manifest.kind} ${nameOf(manifest)}`, manifest] as const);
const labelsOf = (deployment: Deployment) => deployment.spec?.template.metadata?.labels;

function podOf(deployment: Deployment): PodSpec {
  const pod = deployment.spec?.template.spec;
  if (pod === undefined) throw new Error(`${nameOf(deployment)} has no pods`);
  return pod;
}

/** Names of what is to be kept secret. */
const SECRET = /KEY|SECRET|TOKEN|PASSWORD|REDIS_URL/;

test.each(kustomizations)(
  "$folder names files that are there",
  ({ folder, content: { resources = [], configurations = [] } }) => {
    const missing = [...resources, ...configurations].filter((name) => !existsSync(join(folder, name)));
    expect(missing).toEqual([]);
  },
);

test.each(kustomizations.filter(({ content: { labels } }) => labels !== undefined))(
  "the labels that $folder adds are those of its pods, too",
  ({ content: { labels = [] } }) => expect(labels.every(({ includeTemplates }) => includeTemplates === true)).toBe(true),
);

describe.each(views)("the manifests, %s,", (_how, manifests) => {
  const deployments = manifests.filter(Deployment.is);
  const containers = deployments.flatMap((deployment) =>
    podOf(deployment).containers.map((container) => [container.name, container] as const),
  );
  const exists = (is: (manifest: Manifest) => boolean, name: string | undefined) =>
    manifests.some((manifest) => is(manifest) && nameOf(manifest) === name);

  test.each(named(manifests))("have a valid %s", (_name, manifest) => validate(manifest));

  test.each(containers)("probe the container %s and limit what it takes and may do", (_name, container) => {
    const { livenessProbe, readinessProbe, startupProbe, resources, securityContext, image, ports = [] } = container;
    for (const [probe, path] of [
      [livenessProbe, "/livez"],
      [readinessProbe, "/readyz"],
      [startupProbe, "/readyz"],
    ] as const) {
      expect(probe?.httpGet?.path).toBe(path);
      expect(ports.map(({ name }) => name)).toContain(probe?.httpGet?.port);
    }
    expect(resources).toMatchObject({
      requests: { cpu: expect.any(String), memory: expect.any(String) },
      limits: { memory: expect.any(String) },
    });
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(image).toMatch(/:\d+\.\d+\.\d+$/);
  });

  test.each(named(deployments))("run %s as nobody in particular, and let it end in time", (_name, deployment) => {
    const pod = podOf(deployment as Deployment);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(exists(ServiceAccount.is, pod.serviceAccountName)).toBe(true);
    const config = manifests.find(ConfigMap.is);
    const pauses = pod.containers.map(({ lifecycle }) => Number(lifecycle?.preStop?.exec?.command?.at(-1) ?? 0));
    const needsSeconds = Number(config?.data?.["LLAMERO_STOP_SECONDS"]) + Math.max(...pauses);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(needsSeconds);
  });

  test.each(named(deployments))("keep enough of %s when nodes are drained", (_name, deployment) => {
    const labels = labelsOf(deployment as Deployment);
    const budgets = manifests.filter(PodDisruptionBudget.is).filter(({ spec }) => selects(spec?.selector?.matchLabels, labels));
    expect(budgets).toHaveLength(1);
    expect(selects((deployment as Deployment).spec?.selector.matchLabels, labels)).toBe(true);
  });

  test("refer to what there is: claims, Deployments, credentials, services", () => {
    for (const deployment of deployments) {
      const { volumes = [], containers } = podOf(deployment);
      for (const { persistentVolumeClaim: claim } of volumes)
        if (claim !== undefined) expect(exists(PersistentVolumeClaim.is, claim.claimName)).toBe(true);
      for (const { configMapRef } of containers.flatMap(({ envFrom = [] }) => envFrom))
        if (configMapRef !== undefined) expect(exists(ConfigMap.is, configMapRef.name)).toBe(true);
    }
    const scaled = [...manifests.filter(ScaledObject.is), ...manifests.filter(HorizontalPodAutoscaler.is)];
    expect(scaled.length).toBeGreaterThan(1);
    for (const { spec } of scaled) expect(exists(Deployment.is, spec?.scaleTargetRef.name)).toBe(true);
    for (const { spec } of manifests.filter(Service.is))
      expect(deployments.some((deployment) => selects(spec?.selector, labelsOf(deployment)))).toBe(true);
  });

  test.each(named(manifests.filter(ScaledObject.is)))(
    "have %s ask an API that KEDA reaches from its own namespace",
    (_name, manifest) => {
      const triggers = (manifest as ScaledObject).spec?.triggers ?? [];
      expect(triggers).toHaveLength(1);
      for (const { metadata, authenticationRef } of triggers) {
        expect(exists(TriggerAuthentication.is, authenticationRef?.name)).toBe(true);
        const url = new URL(metadata["url"] ?? "");
        expect(url.hostname.split(".")).toEqual([
          "llamero-api",
          manifests.find(({ kind }) => kind === "Namespace")?.metadata?.name,
        ]);
        expect(exists(Service.is, "llamero-api")).toBe(true);
        expect(url.pathname).toMatch(/^\/v1\/queues\/\w+\/scale$/);
      }
    },
  );

  test("have no secret in them, only names of secrets", () => {
    expect(manifests.filter(({ kind }) => kind === "Secret")).toEqual([]);
    const values = containers.flatMap(([, { env = [] }]) => env.map(({ name }) => name));
    const data = manifests.filter(ConfigMap.is).flatMap((config) => Object.keys(config.data ?? {}));
    expect([...values, ...data].filter((name) => SECRET.test(name))).toEqual([]);
  });
});

describe.skipIf(rendered === null)("in a cluster", () => {
  const manifests = rendered ?? [];
  const deployments = manifests.filter(Deployment.is);
  const pods = deployments.map((deployment) => labelsOf(deployment));

  test("everything is in one namespace", () => {
    const elsewhere = manifests.filter(({ kind, metadata }) => kind !== "Namespace" && metadata?.namespace !== "llamero");
    expect(elsewhere).toEqual([]);
  });

  test("nobody reaches a pod, and a pod reaches nobody, but for what a policy lets through", () => {
    const policies = manifests.filter(NetworkPolicy.is).flatMap(({ spec }) => (spec === undefined ? [] : [spec]));
    for (const labels of pods) {
      const types = policies
        .filter(({ podSelector }) => selects(podSelector?.matchLabels, labels))
        .flatMap(({ policyTypes = [] }) => policyTypes);
      expect(types).toEqual(expect.arrayContaining(["Ingress", "Egress"]));
    }
  });

  test("no Deployment and no budget takes the pods of another model for its own", () => {
    const selectors = [...deployments, ...manifests.filter(PodDisruptionBudget.is)].map(
      ({ spec }) => spec?.selector?.matchLabels,
    );
    expect(
      deployments.filter((deployment) => selects({ "app.kubernetes.io/name": "llamero-worker" }, labelsOf(deployment))),
    ).toHaveLength(2);
    for (const selector of selectors) expect(pods.filter((labels) => selects(selector, labels))).toHaveLength(1);
  });

  test("each model's workers serve the model whose queue they are scaled by", () => {
    for (const { spec } of manifests.filter(ScaledObject.is)) {
      const deployment = deployments.find((each) => nameOf(each) === spec?.scaleTargetRef.name);
      const model =
        deployment === undefined
          ? ""
          : (podOf(deployment).containers[0]?.env?.find(({ name }) => name === "LLAMERO_MODELS")?.value ?? "");
      const served = model.includes("=") ? model.split("=")[0] : model.split("/").at(-1)?.replace(".gguf", "");
      expect(spec?.triggers[0]?.metadata["url"]).toContain(`/queues/${served}/`);
    }
  });
});

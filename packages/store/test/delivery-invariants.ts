import { type Fields, named, type Snapshot, without } from "./snapshot.ts";

const pairs = (from: [string, Iterable<string>][]) =>
  new Set(from.flatMap(([name, ids]) => Array.from(ids, (id) => `${name} ${id}`)));
const members = (snapshot: Snapshot, prefix: string) =>
  pairs(named(snapshot.zsets, prefix).map(([name, scores]) => [name, scores.keys()]));

/** What is wrong with endpoints, deliveries and the indexes of both, one line each. */
export function checkDeliveries(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const deliveries = named(snapshot.hashes, "delivery:");
  const known = new Map(deliveries);
  const endpoints = named(snapshot.hashes, "endpoint:");
  const problems = [
    ...differ(
      "endpoints of owners",
      members(snapshot, "endpoints:"),
      pairs(endpoints.map(([id, { owner }]) => [owner ?? "", [id]])),
    ),
    ...checkLists(snapshot, deliveries),
  ];
  for (const [id] of named(snapshot.lists, "attempts:")) if (!known.has(id)) problems.push(`attempts:${id} has no delivery`);
  for (const [id, { job_id }] of deliveries)
    if (job_id !== "" && !jobs.has(job_id ?? "")) problems.push(`${id} has outlived its job`);
  for (const [receiver, ids] of named(snapshot.zsets, "line:"))
    for (const id of ids.keys())
      if (known.get(id)?.["receiver"] !== receiver || known.get(id)?.["status"] !== "pending")
        problems.push(`${id} stands in line:${receiver}`);
  return problems;
}

/** Each delivery stands in the lists that its fields name, and in no others; all that are pending have a time. */
function checkLists(snapshot: Snapshot, deliveries: [string, Fields][]): string[] {
  const wanted = deliveries.flatMap(([id, fields]): [string, string[]][] => {
    const { owner, status, endpoint_id, job_id } = fields;
    return [
      [`own:${owner}:${status}`, [id]],
      ...(endpoint_id === "" ? [] : [[`end:${endpoint_id}:${status}`, [id]] as [string, string[]]]),
      [job_id === "" ? "jobless" : `job:${job_id}`, [id]],
      ...(status === "pending" ? [["due", [id]] as [string, string[]]] : []),
    ];
  });
  return differ("lists of deliveries", members(snapshot, "deliveries:"), pairs(wanted));
}

function differ(what: string, held: ReadonlySet<string>, wanted: ReadonlySet<string>): string[] {
  return [
    ...without(wanted, held).map((entry) => `${what} lack ${entry}`),
    ...without(held, wanted).map((entry) => `${what} should not hold ${entry}`),
  ];
}

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { plot } from "../scaling/plot.ts";
import type { Sample } from "./scaling-deployment.ts";

const FOLDER = join(import.meta.dirname, "../../docs/images");

export interface Drawing {
  title: string;
  samples: readonly Sample[];
  stepSeconds: number;
}

/** Draws what came, what waited and who worked, for the docs. */
export async function draw(file: string, { title, samples, stepSeconds }: Drawing): Promise<void> {
  const of = (name: keyof Sample) => samples.map((each) => each[name]);
  await mkdir(FOLDER, { recursive: true });
  const svg = plot({
    title,
    stepSeconds,
    panels: [
      { title: "Jobs that come a second", series: [{ name: "", colour: "#486581", values: of("arrived") }] },
      { title: "Jobs that wait", series: [{ name: "", colour: "#b44d12", values: of("waiting") }] },
      {
        title: "Workers",
        series: [
          { name: "wanted", colour: "#9fb3c8", values: of("desired"), isStepped: true },
          { name: "taking jobs", colour: "#0f609b", values: of("workers"), isStepped: true },
        ],
      },
    ],
  });
  await writeFile(join(FOLDER, file), svg);
}

/** A line of a plot. */
export interface Series {
  name: string;
  colour: string;
  /** One value for each step; they share the plot's scale. */
  values: readonly number[];
  /** Drawn as steps, as numbers of workers are. Default: false. */
  isStepped?: boolean;
}

export interface Panel {
  title: string;
  series: readonly Series[];
  /** A limit that is drawn across. */
  limit?: { name: string; value: number };
}

export interface PlotOptions {
  title: string;
  /** Of one step, in seconds. */
  stepSeconds: number;
  panels: readonly Panel[];
}

const WIDTH = 860;
const PANEL = 170;
const MARGIN = { left: 56, right: 16, top: 44, between: 46, bottom: 34 };
const INK = "#52606d";

const escaped = (text: string) => text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign] ?? sign);
const round = (value: number) => Math.round(value * 10) / 10;

/** A round number that the highest value fits under. */
function ceiling(value: number): number {
  const size = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * size >= value) ?? 10) * size;
}

function path({ values, isStepped }: Series, x: (step: number) => number, y: (value: number) => number): string {
  return values
    .map((value, step) => {
      const to = `${round(x(step))},${round(y(value))}`;
      if (step === 0) return `M${to}`;
      return isStepped === true ? `H${round(x(step))}V${round(y(value))}` : `L${to}`;
    })
    .join("");
}

function panel({ title, series, limit }: Panel, top: number, x: (step: number) => number): string {
  const most = ceiling(Math.max(limit?.value ?? 0, ...series.flatMap(({ values }) => values)));
  const y = (value: number) => top + PANEL - (value / most) * PANEL;
  const right = WIDTH - MARGIN.right;
  const grid = [0, 0.5, 1].map((part) => {
    const at = round(y(most * part));
    return `<line x1="${MARGIN.left}" x2="${right}" y1="${at}" y2="${at}" stroke="#e4e7eb"/><text x="${MARGIN.left - 8}" y="${at + 4}" text-anchor="end">${most * part}</text>`;
  });
  const lines = series.map((line) => `<path d="${path(line, x, y)}" fill="none" stroke="${line.colour}" stroke-width="1.5"/>`);
  const names = series.map(
    ({ name, colour }, index) => `<tspan fill="${colour}" dx="${index === 0 ? 12 : 10}">${escaped(name)}</tspan>`,
  );
  const across =
    limit === undefined
      ? ""
      : `<line x1="${MARGIN.left}" x2="${right}" y1="${round(y(limit.value))}" y2="${round(y(limit.value))}" stroke="#d64545" stroke-dasharray="5 4"/><text x="${right}" y="${round(y(limit.value)) - 5}" text-anchor="end" fill="#d64545">${escaped(limit.name)}</text>`;
  return `<text x="${MARGIN.left}" y="${top - 10}" font-weight="600">${escaped(title)}${names.join("")}</text>${grid.join("")}${lines.join("")}${across}`;
}

/** An SVG of several plots over the same time. */
export function plot({ title, stepSeconds, panels }: PlotOptions): string {
  const steps = Math.max(...panels.flatMap(({ series }) => series.map(({ values }) => values.length)));
  const x = (step: number) => MARGIN.left + (step / Math.max(1, steps - 1)) * (WIDTH - MARGIN.left - MARGIN.right);
  const height = MARGIN.top + panels.length * (PANEL + MARGIN.between) + MARGIN.bottom - MARGIN.between + 20;
  const drawn = panels.map((each, index) => panel(each, MARGIN.top + 24 + index * (PANEL + MARGIN.between), x));
  const minutes = (steps * stepSeconds) / 60;
  const every = ceiling(minutes / 8);
  const marks = Array.from({ length: Math.floor(minutes / every) + 1 }, (_, index) => {
    const minute = index * every;
    return `<text x="${round(x((minute * 60) / stepSeconds))}" y="${height - 8}" text-anchor="middle">${minute} min</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="${INK}" role="img" aria-label="${escaped(title)}"><rect width="100%" height="100%" fill="#fff"/><text x="${MARGIN.left}" y="24" font-size="15" font-weight="600">${escaped(title)}</text>${drawn.join("")}${marks.join("")}</svg>\n`;
}

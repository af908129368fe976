// Ways of edges, the twin of designer/canvas/paths.py: what a hand sees while it moves a node.

const RADIUS = 12;
const DROP = 24;

/** Find the corners of an edge, without regard to cards that lie between. */
export function corners([x1, y1], [x2, y2]) {
  if (y2 <= y1 + 8) {
    const x = Math.max(x1, x2) + 150;
    return [[x1, y1], [x1, y1 + DROP], [x, y1 + DROP], [x, y2 - DROP], [x2, y2 - DROP], [x2, y2]];
  }
  if (Math.abs(x1 - x2) < 1) return [[x1, y1], [x2, y2]];
  const y = (y1 + y2) / 2;
  return [[x1, y1], [x1, y], [x2, y], [x2, y2]];
}

/** Write the SVG path through corners, rounded. */
export function path(points) {
  let said = `M${write(points[0])}`;
  for (let place = 1; place < points.length - 1; place++) {
    const [before, here, after] = points.slice(place - 1, place + 2);
    const radius = Math.min(RADIUS, length(before, here) / 2, length(here, after) / 2);
    said += `L${write(towards(here, before, radius))}Q${write(here)} ${write(towards(here, after, radius))}`;
  }
  return `${said}L${write(points.at(-1))}`;
}

function length([x1, y1], [x2, y2]) {
  return Math.abs(x1 - x2) + Math.abs(y1 - y2);
}

function towards([x, y], there, by) {
  const whole = length([x, y], there);
  const share = whole ? by / whole : 0;
  return [x + (there[0] - x) * share, y + (there[1] - y) * share];
}

function write(point) {
  return point.map((value) => Math.floor(value * 10 + 0.5) / 10).join(" ");
}

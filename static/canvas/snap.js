// Snapping: to a grid of 8 px, and to the middles and borders of neighbours, with lines that show it.

const GRID = 8;
const NEAR = 6;

/** Move a rectangle to where it snaps. Gives its place and the lines to draw. */
export function snap(box, others, free) {
  if (free) return { x: Math.round(box.x), y: Math.round(box.y), lines: [] };
  const lines = [];
  const x = along(box.x, box.w, others.map((other) => [other.x, other.w]), (at) => lines.push({ x: at }));
  const y = along(box.y, box.h, others.map((other) => [other.y, other.h]), (at) => lines.push({ y: at }));
  return { x: x ?? Math.round(box.x / GRID) * GRID, y: y ?? Math.round(box.y / GRID) * GRID, lines };
}

function along(start, size, others, draw) {
  let best = null;
  let least = NEAR + 1;
  for (const [other, length] of others) {
    for (const [mine, theirs] of [[start + size / 2, other + length / 2], [start, other], [start + size, other + length]]) {
      const away = Math.abs(mine - theirs);
      if (away < least) [best, least] = [{ at: theirs, to: start + theirs - mine }, away];
    }
  }
  if (!best) return null;
  draw(best.at);
  return Math.round(best.to);
}

/** Draw the lines, or take them away. */
export function guide(view, lines) {
  const ground = document.getElementById("guides");
  ground.replaceChildren(
    ...lines.map(({ x, y }) => {
      const line = document.createElement("i");
      line.className = x === undefined ? "across" : "down";
      if (x === undefined) line.style.top = `${y * view.k + view.y}px`;
      else line.style.left = `${x * view.k + view.x}px`;
      return line;
    }),
  );
}

// Draw the graph of our canvas with React Flow: the same places, the same cards, orthogonal edges.
// Nodes are memoised and everything else is as React Flow comes.

window.jsxRuntime = {
  Fragment: React.Fragment,
  jsx: (type, { children, ...props }, key) => React.createElement(type, key === undefined ? props : { ...props, key }, children),
  jsxs: (type, { children, ...props }, key) => React.createElement(type, key === undefined ? props : { ...props, key }, ...children),
};

document.addEventListener("DOMContentLoaded", async () => {
  const { nodes, edges, view } = await (await fetch("/graph.json")).json();
  const { ReactFlow, Handle, Position, useNodesState, useEdgesState } = window.ReactFlow;
  const h = React.createElement;
  const Card = React.memo(({ data }) =>
    h(
      "div",
      { className: data.className, style: { width: data.width, height: data.height } },
      h("div", { dangerouslySetInnerHTML: { __html: data.html }, style: { display: "contents" } }),
      h(Handle, { type: "target", position: Position.Top }),
      ...data.ports.map(({ key, x }) => h(Handle, { key, id: key, type: "source", position: Position.Bottom, style: { left: x } })),
    ),
  );
  const types = { card: Card };
  const App = () => {
    const [shown, , onNodesChange] = useNodesState(
      nodes.map(({ id, x, y, ...data }) => ({ id, type: "card", position: { x, y }, data })),
    );
    const [lines, , onEdgesChange] = useEdgesState(
      edges.map(([source, sourceHandle, target]) => ({ id: `${source}/${sourceHandle}/${target}`, source, sourceHandle, target, type: "smoothstep" })),
    );
    return h(ReactFlow, {
      nodes: shown, edges: lines, onNodesChange, onEdgesChange, nodeTypes: types, defaultViewport: view,
      minZoom: 0.1, maxZoom: 2.5, panOnDrag: [1, 2], selectionOnDrag: true, panOnScroll: true,
    });
  };
  ReactDOM.createRoot(document.getElementById("root")).render(h(App));
  const done = () => document.querySelectorAll(".react-flow__edge").length === edges.length;
  const look = () => (done() ? (document.documentElement.dataset.ready = "true") : requestAnimationFrame(look));
  look();
});

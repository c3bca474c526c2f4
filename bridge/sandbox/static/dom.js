// Making and keeping nodes. What others said only ever becomes text: nothing here parses HTML.

export const $ = (id) => document.getElementById(id);

/** An element; `props` are attributes, `on…` are listeners, strings among the children are text. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** A link, where its address is one that may be followed; else its text. */
export function link(url, text, props = {}) {
  const shown = text || url || "";
  if (!/^(https?|mailto):/i.test(url ?? "")) return el("span", {}, shown);
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer", title: url, ...props }, shown);
}

/** Make `list` show `items`, keeping the node of each one that has not changed, and the end in sight. */
export function keep(list, items, key, build) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const before = list.kept ?? new Map();
  const kept = new Map();
  items.forEach((item, index) => {
    const id = key(item);
    const signature = JSON.stringify(item);
    const old = before.get(id);
    const node = old?.signature === signature ? old.node : build(item);
    kept.set(id, { signature, node });
    if (old && old.node !== node) replace(old.node, node);
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
    if (!old && before.size) node.classList.add("new");
  });
  while (list.children.length > items.length) list.lastElementChild.remove();
  list.kept = kept;
  if (atEnd) toEnd(list);
}

const FOCUSABLE = "a[href], button, summary, select, input, textarea";

/** Put `node` in the place of `old`. The focus stays where it was in `old`, so that a keyboard goes on from there. */
function replace(old, node) {
  const focused = document.activeElement;
  const had = old.contains(focused);
  old.replaceWith(node);
  if (!had) return;
  const shown = [node, ...node.querySelectorAll(FOCUSABLE)]
    .filter((one) => one.matches(FOCUSABLE) && one.checkVisibility()); // the entries of a closed menu are not
  const same = shown.find((one) => one.textContent === focused.textContent);
  // Never another act in its place: a second Enter would do that.
  (same ?? shown.at(-1))?.focus({ preventScroll: true });
}

/** Bring the end of `list` in sight; `keep` then keeps it there. */
export function toEnd(list) {
  list.scrollTop = list.scrollHeight;
}

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const time = (at) => clock.format(at * 1000);
export const timeSeconds = (at) => seconds.format(at * 1000);

/** A day as Slack's date formats name it: `style` is num, short or long; `pretty` says Today. */
export function day(at, style, pretty) {
  const date = new Date(at * 1000);
  const ago = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  if (pretty && ago in { 0: 1, 1: 1 }) return ["Today", "Yesterday"][ago];
  if (style === "num") return date.toISOString().slice(0, 10);
  const month = style === "short" ? "short" : "long";
  const weekday = style === "long" ? { weekday: "long" } : {};
  return date.toLocaleDateString([], { ...weekday, month, day: "numeric", year: "numeric" });
}

/** A calm colour for a name, always the same. */
export function hue(name) {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + char.codePointAt(0)) % 8;
  return `hue-${sum}`;
}

export function initials(name) {
  const words = name.replace(/\(.*\)/, "").trim().split(/\s+/);
  return [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "").join("");
}

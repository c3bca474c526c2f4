// Slack's blocks as nodes. A block of a kind that is not known here is a labelled box, never nothing.
// Images stand as labelled places: the page asks nobody but the sandbox for anything.

import { el, link } from "./dom.js";
import { inline, words } from "./text.js";

/** `names` resolves ids; `press(action_id, value, confirm)` is what a button does. */
export function blocks(list, names, press) {
  return el("div", { class: "blocks" }, list.map((block) => one(block, names, press)));
}

function one(block, names, press) {
  const build = BLOCKS[block.type];
  try {
    if (build) return build(block, names, press);
  } catch {
    // falls through to the box: it is malformed for us, and must be seen all the same
  }
  return unknown(block, "block");
}

const BLOCKS = {
  rich_text: (block, names) => el("div", { class: "rich-text" }, block.elements.map((part) => container(part, names))),
  header: (block, names) => el(`h${(block.level ?? 1) + 2}`, { class: "header" }, words(block.text, names)),
  divider: () => el("hr"),
  alert: (block, names) => el("p", { class: `alert ${block.level ?? "default"}`, role: "note" }, words(block.text, names)),
  markdown: (block) => el("div", { class: "rich-text" }, block.text),
  context: (block, names) =>
    el("div", { class: "context" }, block.elements.map((part) =>
      part.type === "image" ? el("span", { class: "thumb", title: part.alt_text }, "▣") : el("span", {}, words(part, names)))),
  section: (block, names, press) =>
    el("div", { class: "section" },
      el("div", {},
        block.text ? el("div", { class: "rich-text" }, words(block.text, names)) : null,
        block.fields
          ? el("div", { class: "fields" }, block.fields.map((field) => el("div", {}, words(field, names))))
          : null),
      block.accessory ? el("div", { class: "accessory" }, element(block.accessory, names, press)) : null),
  image: (block, names) => image(block, words(block.title, names)),
  video: (block, names) =>
    el("figure", { class: "place" }, el("span", { class: "glyph" }, "▶"),
      el("figcaption", {}, link(block.title_url ?? block.video_url, block.title.text), " ", words(block.description, names))),
  file: (block) => el("div", { class: "pill" }, "File: ", block.external_id ?? block.source ?? ""),
  actions: (block, names, press) => row(block, names, press),
  context_actions: (block, names, press) => row(block, names, press),
  card,
  carousel: (block, names, press) =>
    el("div", { class: "carousel", tabindex: 0 }, block.elements.map((each) => one(each, names, press))),
  container: (block, names, press) => {
    const inner = block.child_blocks.map((child) => one(child, names, press));
    const title = [
      el("strong", {}, block.rich_text_title ? one(block.rich_text_title, names, press) : words(block.title, names)),
      block.subtitle ? el("small", {}, words(block.subtitle, names)) : null,
    ];
    if (!block.is_collapsible) return el("div", { class: "container" }, el("div", { class: "title" }, title), inner);
    return el("details", { class: "container", open: !block.default_collapsed }, el("summary", {}, title), inner);
  },
  table: (block, names) => table(block.rows, names, block.column_settings),
  data_table: (block, names) => el("div", {}, table(block.rows, names, [], true), el("small", {}, block.caption)),
  data_visualization: chart,
  task_card: (block) => el("div", { class: "pill" }, `${block.status}: ${block.title}`),
  plan: (block) =>
    el("div", { class: "container" }, el("strong", {}, block.title),
      el("ul", {}, block.tasks.map((task) => el("li", {}, `${task.title} (${task.status ?? "pending"})`)))),
};

function container(part, names) {
  const inside = () => part.elements.map((element) => inline(element, names));
  switch (part.type) {
    case "rich_text_section":
      return el("div", {}, inside());
    case "rich_text_quote":
      return el("blockquote", {}, inside());
    case "rich_text_preformatted":
      return el("pre", {}, inside());
    case "rich_text_list":
      return el(part.style === "ordered" ? "ol" : "ul",
        { class: `indent-${part.indent ?? 0}`, start: part.style === "ordered" ? (part.offset ?? 0) + 1 : undefined },
        part.elements.map((item) => el("li", {}, item.elements.map((element) => inline(element, names)))));
  }
  return unknown(part, "rich text");
}

function card(block, names, press) {
  const line = (name, tag) => (block[name] ? el(tag, { class: name }, words(block[name], names)) : null);
  return el("article", { class: "card" },
    block.hero_image ? image(block.hero_image) : null,
    line("title", "strong"), line("subtitle", "span"), line("body", "p"), line("subtext", "small"),
    block.actions ? el("div", { class: "row" }, block.actions.map((each) => element(each, names, press))) : null);
}

function image(block, title = []) {
  const address = block.image_url ?? block.slack_file?.url ?? "";
  return el("figure", { class: "place" }, el("span", { class: "glyph" }, "▣"),
    el("figcaption", {}, title.length ? title : "", title.length ? " " : "", link(address, block.alt_text || "image")));
}

function table(rows, names, settings = [], header = true) {
  const cell = (value, column, tag) => {
    const align = settings?.[column]?.align;
    const inner = value.type === "rich_text" ? one(value, names) : String(value.text ?? value.value);
    return el(tag, { class: align ? `align-${align}` : undefined }, inner);
  };
  return el("div", { class: "table" }, el("table", {}, rows.map((columns, index) =>
    el("tr", {}, columns.map((value, column) => cell(value, column, header && index === 0 ? "th" : "td"))))));
}

/** A chart as the numbers it is made of, each with a bar. */
function chart({ title, chart }) {
  const series = chart.series ?? [{ name: "", data: chart.segments }];
  const labels = chart.axis_config?.categories ?? chart.segments.map((segment) => segment.label);
  const most = Math.max(1, ...series.flatMap(({ data }) => data.map((point) => point.value)));
  const bar = ({ data }, label) => {
    const { value } = data.find((point) => point.label === label);
    return el("td", {}, el("meter", { value, max: most, "aria-hidden": "true" }), ` ${value}`);
  };
  return el("figure", { class: "table" }, el("figcaption", {}, title), el("table", {},
    el("tr", {}, el("th", {}, chart.axis_config?.x_label ?? ""), series.map((one) => el("th", {}, one.name))),
    labels.map((label) => el("tr", {}, el("th", {}, label), series.map((one) => bar(one, label))))));
}

const row = (block, names, press) =>
  el("div", { class: "row" }, block.elements.map((each) => element(each, names, press)));

/** Something to press or to choose from. */
function element(part, names, press) {
  const act = (value) => press(part.action_id, value, part.confirm);
  switch (part.type) {
    case "button":
    case "icon_button":
    case "workflow_button": {
      const label = part.text ? words(part.text, names) : [part.accessibility_label ?? part.icon ?? part.type];
      if (part.url) return link(part.url, label.join(""), { class: "button", onclick: () => act(part.value) });
      return el("button", { class: `button ${part.style ?? ""}`, type: "button", onclick: () => act(part.value) }, label);
    }
    case "feedback_buttons":
      return el("span", { class: "row" }, ["positive", "negative"].map((which) => {
        const each = part[`${which}_button`];
        return el("button", { class: "button", type: "button", onclick: () => act(each.value) }, each.text.text);
      }));
    case "static_select":
    case "radio_buttons":
    case "overflow": {
      const options = part.option_groups ? part.option_groups.flatMap((group) => group.options) : part.options;
      return choice(part.placeholder?.text ?? "…", options.map((option) => [option.value, option.text.text]), act);
    }
    case "users_select":
      return choice(part.placeholder?.text ?? "…", Object.entries(names.users).map(([id, user]) => [id, user.name]), act);
    case "image":
      return image(part);
  }
  return unknown(part, "element");
}

function choice(placeholder, options, act) {
  const select = el("select", { class: "button", onchange: () => { act(select.value); select.selectedIndex = 0; } },
    el("option", { value: "" }, placeholder), options.map(([value, text]) => el("option", { value }, text)));
  return select;
}

export function unknown(data, what) {
  return el("details", { class: "unknown" }, el("summary", {}, `${what}: ${data?.type ?? "without a type"}`),
    el("pre", {}, JSON.stringify(data, null, 2)));
}

/** The older way to say more, which still carries the coloured bar. */
export function attachment(data, names, press) {
  const color = /^#?([0-9a-f]{6})$/i.exec(data.color ?? "")?.[1];
  const node = el("div", { class: "attachment" },
    data.pretext ? el("div", {}, words({ type: "mrkdwn", text: data.pretext }, names)) : null,
    data.title ? el("strong", {}, data.title_link ? link(data.title_link, data.title) : data.title) : null,
    data.text ? el("div", { class: "rich-text" }, words({ type: "mrkdwn", text: data.text }, names)) : null,
    data.blocks ? blocks(data.blocks, names, press) : null,
    !data.text && !data.blocks && !data.title ? el("div", {}, data.fallback ?? "") : null);
  if (color) node.style.setProperty("--bar", `#${color}`);
  return node;
}

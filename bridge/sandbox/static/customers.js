// The right pane: the vendors' customers, each with a chat as their own page would show it.

import { $, el, initials, keep, link, time, toEnd } from "./dom.js";

const NAMES = ["Ines Duarte", "Tom Becker", "Aisha Khan", "Luca Moretti", "Yuki Tanaka", "Sara Nilsson", "Omar Haddad"];
const SUGGESTIONS = ["Where is my order 1042?", "Show me your products", "I want to talk to a person"];
const STATES = { bot: "the AI agent answers", handoff: "with the support team", ended: "ended" };
const NOTES = {
  ada: "Ada hosts the chat: it tells of every message, and shows the replies itself.",
  gptbots: "GPTBots tells what the AI agent said. A human session is a conversation, and a thread, of its own.",
  moveo: "With Moveo the chat is your own app: the customer's words never come by webhook, and replies are only recorded.",
};

/** The conversation that is shown, if there is one. */
export function current({ state, ui }) {
  const vendor = state.vendors.find((one) => one.name === ui.vendor);
  return vendor?.conversations.find((one) => one.id === ui.open[vendor.name]) ?? vendor?.conversations[0];
}

export function wire(page) {
  $("new").onclick = async () => {
    const { vendor } = page.ui;
    const opened = page.state.vendors.reduce((sum, one) => sum + one.conversations.length, 0);
    const told = await page.act("open", { vendor, customer: NAMES[opened % NAMES.length] });
    if (told) show(page, vendor, { id: told.conversation });
  };
  $("say").onsubmit = async (event) => {
    event.preventDefault();
    const text = $("say-text").value;
    if (!text.trim()) return;
    $("say-text").value = "";
    if (!(await say(page, text))) $("say-text").value = text;
  };
  $("end").onclick = () => page.act("end", about(page));
  $("end-handoff").onclick = () => page.act("end-handoff", about(page));
}

const about = (page) => ({ vendor: page.ui.vendor, conversation: current(page).id });

async function say(page, text) {
  const conversation = current(page);
  if (!conversation) return null;
  page.want(conversation);
  toEnd($("chat-messages"));
  return page.act("say", { ...about(page), text });
}

function show(page, vendor, conversation) {
  page.ui.vendor = vendor;
  if (conversation) {
    page.ui.open[vendor] = conversation.id;
    page.want(conversation);
  }
  page.draw();
}

export function draw(page) {
  const { state, ui } = page;
  keep($("vendors"), state.vendors.map(({ name, label, conversations }) => {
    return { name, label, on: name === ui.vendor, waits: conversations.some((one) => one.state === "handoff") };
  }), (item) => item.name, (item) => el("button", {
    role: "tab", "aria-selected": String(item.on), class: item.waits ? "waits" : "",
    onclick: () => show(page, item.name, current({ state, ui: { ...ui, vendor: item.name } })),
  }, item.label));

  const vendor = state.vendors.find((one) => one.name === ui.vendor);
  const shown = current(page);
  keep($("conversations"), vendor.conversations.map(({ id, customer_name: name, state: now }) => {
    return { id, name, now, on: id === shown?.id };
  }), (item) => item.id, (item) => el("li", {}, el("button", {
    class: `talk ${item.now} ${item.on ? "open" : ""}`, title: STATES[item.now],
    onclick: () => show(page, vendor.name, item),
  }, item.name)));
  $("vendor-note").textContent = NOTES[vendor.name] ?? "";

  $("chat-name").textContent = shown?.customer_name ?? "Nobody is here yet";
  $("chat-state").textContent = shown ? STATES[shown.state] : "";
  $("chat-state").className = shown?.state ?? "";
  const over = !shown || shown.state === "ended";
  $("end").hidden = over;
  $("end-handoff").hidden = shown?.state !== "handoff";
  // Moveo reopens a resolved conversation when its customer writes again.
  $("say-text").disabled = over && !shown?.alive;

  keep($("suggestions"), over || shown.state !== "bot" ? [] : SUGGESTIONS, (text) => text, (text) =>
    el("button", { type: "button", onclick: () => say(page, text) }, text));

  const list = $("chat-messages");
  if (list.dataset.of !== (shown?.id ?? "")) {
    list.kept = undefined;
    list.replaceChildren();
  }
  list.dataset.of = shown?.id ?? "";
  const items = (shown?.messages ?? []).map((message) => ({ message, mine: message.role === "customer" }));
  if (shown?.typing) items.push({ typing: shown.typing });
  keep(list, items, (item) => item.message?.id ?? "typing", (item) => (item.typing ? typing(item.typing) : bubble(page, item.message)));
}

const typing = (name) => el("li", { class: "bubble bot typing", title: `${name} is typing` }, el("i"), el("i"), el("i"));

function bubble(page, message) {
  if (message.role === "system") return el("li", { class: "notice" }, message.text);
  const role = { bot: "AI agent", agent: "support", customer: "" }[message.role];
  return el("li", { class: `bubble ${message.role} ${message.recorded ? "recorded" : ""}`, "data-id": message.id },
    message.role === "customer" ? null : el("span", { class: "who" },
      el("span", { class: "face", "aria-hidden": "true" }, message.role === "bot" ? "🤖" : initials(message.name)),
      message.name, el("small", {}, role)),
    el("div", { class: "said" }, content(page, message)),
    message.recorded ? el("small", { class: "recorded-by" }, "recorded by Moveo; your own app shows it") : null,
    el("time", {}, time(message.at)));
}

/** The parts that have more than words in them, whichever vendor's they are; else the words. */
function content(page, message) {
  const parts = message.parts.flatMap((part) => rich(page, part.content ?? part) ?? []);
  const told = message.parts.filter((part) => part.content?.text).length > 1; // branches: all of them
  const text = told ? message.parts.map((part) => part.content.text).join("\n\n") : message.text;
  const link = message.parts.some((part) => part.type === "link");
  return [link ? null : el("p", {}, text), ...parts];
}

function rich(page, part) {
  if (part.audio && typeof part.audio !== "string") return part.audio.map((one) => pill("♪", one.audio, "Audio"));
  switch (part.type) {
    case "link":
      return [link(part.url, part.link_text)];
    case "file":
    case "audio":
      return [pill(part.type === "audio" ? "♪" : "▤", part.url, part.filename ?? part.name)];
    case "carousel":
      return [el("div", { class: "products" }, part.cards.map((card) => product(page, card)))];
    case "text":
      return part.options && [el("div", { class: "options" }, part.options.map((option) =>
        el("button", { type: "button", onclick: () => say(page, option.text) }, option.label)))];
  }
  return null;
}

const pill = (glyph, url, text) => el("span", { class: "pill" }, `${glyph} `, link(url, text));

function product(page, card) {
  return el("article", {},
    el("strong", {}, card.title), el("small", {}, card.subtitle),
    (card.buttons ?? []).map((button) => button.type === "postback"
      ? el("button", { type: "button", onclick: () => say(page, button.value) }, button.label)
      : link(button.url, button.label)));
}

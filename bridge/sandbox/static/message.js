// One message: who said what, its reactions, and its menu with the app's shortcuts.

import { attachment, blocks } from "./blocks.js";
import { el, hue, initials, time } from "./dom.js";
import { emoji, mrkdwn } from "./text.js";
import { ask } from "./views.js";

const LOCK = "lock"; // what keeps a message a note

export function node(page, message, { more = null, open = false, inThread = false } = {}) {
  const { users, names } = page.state.slack;
  const press = (...pressed) => act(page, message, ...pressed);
  const who = message.username ?? users[message.user]?.name ?? "Somebody";
  const marks = [
    message.is_ephemeral ? "Only visible to you" : "",
    message.subtype === "thread_broadcast" ? (inThread ? "Also sent to the channel" : "Replied to a thread") : "",
  ].filter(Boolean);
  return el("li", {
    class: `message ${open ? "open" : ""} ${message.is_ephemeral ? "ephemeral" : ""} ${message.subtype ?? ""}`,
    "data-ts": message.ts,
  },
    avatar(message, who),
    el("div", { class: "body" },
      marks.map((mark) => el("p", { class: "above" }, mark)),
      el("p", { class: "head" }, el("b", {}, who), message.bot_id ? el("span", { class: "app" }, "APP") : null,
        el("time", {}, time(Number(message.ts))), message.edited ? el("small", {}, "(edited)") : null),
      message.blocks?.length
        ? blocks(message.blocks, names, press)
        : message.attachments?.length ? null : el("div", { class: "rich-text" }, mrkdwn(message.text, names)),
      (message.attachments ?? []).map((data) => attachment(data, names, press)),
      (message.files ?? []).map((file) => el("div", { class: "pill" }, `File: ${file.name ?? file.id}`)),
      reactions(page, message),
      more),
    message.is_ephemeral ? null : menu(page, message));
}

function avatar(message, who) {
  // Pictures are not fetched: the page asks nobody but the sandbox for anything.
  if (message.icons?.emoji) return el("span", { class: "avatar symbol", "aria-hidden": "true" }, emoji(message.icons.emoji));
  if (message.bot_id && !message.username) return el("span", { class: "avatar bridge", "aria-hidden": "true" }, "⇄");
  return el("span", { class: `avatar ${hue(who)}`, "aria-hidden": "true" }, initials(who));
}

function reactions(page, message) {
  if (!message.reactions?.length) return null;
  const { users } = page.state.slack;
  return el("p", { class: "reactions" }, message.reactions.map(({ name, users: by, count }) =>
    el("button", {
      title: `:${name}: by ${by.map((id) => users[id]?.name ?? id).join(", ")}`,
      "aria-pressed": String(by.includes(page.ui.as)),
      onclick: () => react(page, message, name),
    }, emoji(name), ` ${count}`)));
}

function menu(page, message) {
  const locked = message.reactions?.some(({ name, users }) => name === LOCK && users.includes(page.ui.as));
  const entry = (text, choose) => el("button", {
    onclick: (event) => {
      event.target.closest("details").open = false;
      choose();
    },
  }, text);
  return el("details", { class: "menu", name: "menu" },
    el("summary", { "aria-label": "More actions" }, "⋯"),
    el("div", {},
      entry(locked ? "Take the 🔒 away" : "Keep as note 🔒", () => react(page, message, LOCK)),
      Object.entries(page.state.slack.shortcuts).map(([callback_id, name]) =>
        entry(name, () => page.answered("shortcut", { ...where(page, message), callback_id })))));
}

const where = (page, message) => ({ channel: page.ui.channel, ts: message.ts });

const react = (page, message, name) => page.act("react", { user: page.ui.as, ...where(page, message), name });

async function act(page, message, action_id, value, confirm) {
  if (confirm && !(await ask(confirm, page.state.slack.names))) return;
  await page.answered("press", { ...where(page, message), action_id, ...(value ? { value } : {}) });
}

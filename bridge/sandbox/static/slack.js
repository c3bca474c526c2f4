// The left pane: channels, a channel's messages, a thread, and the reply box in it.

import { attachment, blocks } from "./blocks.js";
import { $, el, hue, initials, keep, time } from "./dom.js";
import { emoji, mrkdwn } from "./text.js";

const NOTE = "//";

export function wire(page) {
  $("thread-close").onclick = () => look(page, page.ui.channel, null);
  const text = $("reply-text");
  text.oninput = () => drawComposer(page);
  text.onkeydown = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("reply").requestSubmit();
  };
  $("reply").onsubmit = async (event) => {
    event.preventDefault();
    const { as: user, channel, thread: thread_ts } = page.ui;
    if (!text.value.trim()) return;
    const said = text.value;
    text.value = "";
    drawComposer(page);
    if (!(await page.act("reply", { user, channel, thread_ts, text: said }))) text.value = said;
  };
}

/** Go where a person on the page clicked; nothing then leads away from it. */
function look(page, channel, thread) {
  Object.assign(page.ui, { channel, thread, wanted: null });
  page.draw();
}

/** Open the thread of the conversation that is wanted, once there is one. */
export function follow({ state, ui }) {
  if (!ui.wanted) return;
  const wanted = state.vendors.flatMap((vendor) => vendor.conversations).find((one) => one.id === ui.wanted);
  const id = wanted?.human_id ?? ui.wanted; // a human session of GPTBots is a conversation of its own
  for (const channel of state.slack.channels) {
    for (const message of channel.messages.values()) {
      if (!message.metadata?.event_payload?.card?.endsWith(`/${id}`)) continue;
      Object.assign(ui, { channel: channel.id, thread: message.ts, wanted: null });
      return;
    }
  }
}

export function draw(page) {
  const { state, ui } = page;
  $("team").textContent = state.slack.team;
  drawSidebar(page);
  const channel = state.slack.channels.find((one) => one.id === ui.channel);
  const messages = [...channel.messages.values()].sort((one, other) => (one.ts < other.ts ? -1 : 1));
  const replies = byThread(messages);
  ui.seen[channel.id] = messages.at(-1)?.ts ?? "";

  $("channel-name").textContent = `# ${channel.name}`;
  const inChannel = messages.filter((one) => !isReply(one) || one.subtype === "thread_broadcast");
  keep($("channel-messages"), inChannel.map((message) => {
    const answers = isReply(message) ? [] : (replies.get(message.ts) ?? []);
    return { message, replies: answers.length, last: answers.at(-1)?.ts, open: message.ts === ui.thread };
  }), (item) => item.message.ts, (item) => inTheChannel(page, item));

  const root = channel.messages.get(ui.thread);
  $("thread").hidden = !root;
  document.body.classList.toggle("in-thread", Boolean(root));
  if (!root) return;
  $("thread-channel").textContent = `# ${channel.name}`;
  const list = $("thread-messages");
  if (list.dataset.of !== root.ts) list.kept = undefined; // another thread: begin at its end
  if (list.dataset.of !== root.ts) list.replaceChildren();
  list.dataset.of = root.ts;
  const items = [root, ...(replies.get(root.ts) ?? [])].map((message) => ({ message }));
  keep(list, items, (item) => item.message.ts, (item) => node(page, item.message, { inThread: true }));
  const status = state.slack.statuses.find((one) => one.channel === channel.id && one.thread_ts === root.ts);
  $("thread-status").textContent = status ? `${status.username ?? "Handoff Bridge"} ${status.status}` : "";
  drawComposer(page);
}

const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;

function byThread(messages) {
  const found = new Map();
  for (const one of messages.filter(isReply)) found.set(one.thread_ts, [...(found.get(one.thread_ts) ?? []), one]);
  return found;
}

function drawSidebar(page) {
  const { state, ui } = page;
  keep($("channels"), state.slack.channels.map((channel) => {
    const newest = [...channel.messages.keys()].reduce((one, other) => (one > other ? one : other), "");
    const { id, name } = channel;
    return { id, name, open: id === ui.channel, unread: id !== ui.channel && newest > (ui.seen[id] ?? "") };
  }), (item) => item.id, (item) =>
    el("li", {}, el("button", {
      class: `${item.open ? "open" : ""} ${item.unread ? "unread" : ""}`,
      onclick: () => look(page, item.id, null),
    }, `# ${item.name}`)));
  keep($("people"), state.slack.people.map((id) => state.slack.users[id].name), (name) => name, (name) =>
    el("li", {}, el("span", { class: "presence", "aria-hidden": "true" }), name));
}

function drawComposer(page) {
  const { state, ui } = page;
  const note = $("reply-text").value.trimStart().startsWith(NOTE);
  $("reply").classList.toggle("note", note);
  $("reply-send").textContent = note ? "Keep as note" : "Send";
  $("reply-hint").textContent = note ? "A note: it stays in this thread" : `${NOTE} makes it a note`;
  keep($("reply-as"), state.slack.people.map((id) => ({ id, name: state.slack.users[id].name, on: id === ui.as })),
    (item) => item.id, (item) => el("button", {
      type: "button", role: "radio", "aria-checked": String(item.on), onclick: () => {
        ui.as = item.id;
        page.draw();
      },
    }, item.name));
}

// ── one message ──────────────────────────────────────────────────────────────────────────────────

function inTheChannel(page, { message, replies, last, open }) {
  const thread = isReply(message) ? message.thread_ts : message.ts;
  const more = replies || isReply(message)
    ? el("button", { class: "replies", onclick: () => look(page, page.ui.channel, thread) },
        isReply(message) ? "View thread" : `${replies} ${replies === 1 ? "reply" : "replies"}`,
        last ? el("small", {}, ` last at ${time(Number(last))}`) : null)
    : el("button", { class: "replies", onclick: () => look(page, page.ui.channel, thread) }, "Reply in thread");
  return node(page, message, { more, open });
}

function node(page, message, { more = null, open = false, inThread = false } = {}) {
  const { slack } = page.state;
  const names = {
    users: slack.users,
    usergroups: slack.usergroups,
    channels: Object.fromEntries(slack.channels.map((channel) => [channel.id, channel.name])),
  };
  const press = (action_id, value) => pressed(page, message, action_id, value);
  const who = message.username ?? slack.users[message.user]?.name ?? "Somebody";
  const marks = [
    message.is_ephemeral ? `Only visible to ${slack.users[message.to]?.name ?? "one person"}` : "",
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
      reactions(message, slack.users),
      more));
}

function avatar(message, who) {
  // Pictures are not fetched: the page asks nobody but the sandbox for anything.
  if (message.icons?.emoji) return el("span", { class: "avatar symbol", "aria-hidden": "true" }, emoji(message.icons.emoji));
  if (message.bot_id && !message.username) return el("span", { class: "avatar bridge", "aria-hidden": "true" }, "⇄");
  return el("span", { class: `avatar ${hue(who)}`, "aria-hidden": "true" }, initials(who));
}

function reactions(message, users) {
  if (!message.reactions?.length) return null;
  return el("p", { class: "reactions" }, message.reactions.map(({ name, users: by, count }) =>
    el("span", { title: `:${name}: by ${by.map((id) => users[id]?.name ?? id).join(", ")}`, "data-name": name },
      emoji(name), ` ${count}`)));
}

async function pressed(page, message, action_id, value) {
  const where = { channel: page.ui.channel, ts: message.ts };
  const told = await page.act("press", { user: page.ui.as, ...where, action_id, ...(value ? { value } : {}) });
  if (told && told.status !== 200) page.say(`The bridge answered ${told.status ?? told.reason} to the button.`);
}
